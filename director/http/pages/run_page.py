"""The screen of one run: plan, timeline, code, cost, evidence and transcript, live or as of an event."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from bus.blobs import Blobs
from bus.redaction import Redactor
from director.http.pages.foreign_text import coloured
from director.http.pages.page_maker import Moment, PageMaker, live_address
from director.http.pages.plan_graph import drawing
from director.http.pages.screens import RUN
from director.services.attempt import attempt_of
from director.services.estimates import comparison_of
from director.services.run_at import RunAt, differences, run_at
from director.services.run_attempts import attempts_at, grouped
from director.services.run_code import run_code
from director.services.run_timeline import LEVELS, marks, timeline
from director.services.session import find_run
from director.services.times import SEQ_MAX
from director.services.verdicts import verdict_in
from domain.errors import NotFound

TABS = ("plan", "timeline", "code", "cost", "evidence", "transcript")
Seq = Annotated[int, Query(ge=0, le=SEQ_MAX)]
Text = Annotated[str, Query(max_length=500)]


class Wanted:
    """The query of the screen."""

    def __init__(
        self,
        tab: Text = "plan",
        after: Seq = 0,
        type: Text = "",
        level: Text = "normal",
        path: Text = "",
        task: Text = "",
        attempt: Annotated[int, Query(ge=0, le=1000)] = 0,
        versus: Seq = 0,
    ) -> None:
        self.tab = tab if tab in TABS else "plan"
        self.after = after
        self.type = type
        self.level = level if level in LEVELS else "normal"
        self.path = path
        self.task = task
        self.attempt = attempt
        self.versus = versus


def run_page(maker: PageMaker) -> APIRouter:
    """Return the screen of a run."""
    router = APIRouter(include_in_schema=False)
    parts = _Parts(maker)

    @router.get(RUN.path)
    async def show(request: Request, run: str, wanted: Annotated[Wanted, Depends()]) -> Response:
        viewer = await maker.viewer(request, RUN)
        moment = await maker.moment(request, RUN)
        found = await find_run(maker.store, run)
        state = await run_at(maker.store, found, moment.seq)
        make = parts.of(wanted.tab)
        values = {
            "title": state.facts.title,
            "run": state,
            "tabs": TABS,
            "wanted": wanted,
            "marks": await marks(maker.store, found),
            "differences": differences(await run_at(maker.store, found, wanted.versus), state)
            if wanted.versus
            else None,
            "versus_value": wanted.versus or "",
            "live": "" if moment.past else live_address(moment.last, found),
            **await make(_Asked(state, moment, wanted)),
        }
        return await maker.show(request, RUN, viewer, moment, values)

    return router


class _Asked(NamedTuple):
    """The input of a tab: the state of the run, and the query."""

    state: RunAt
    moment: Moment
    wanted: Wanted


Part = Callable[[_Asked], Awaitable[Mapping[str, Any]]]


class _Parts:
    """Reads what each tab shows."""

    def __init__(self, maker: PageMaker) -> None:
        self._store = maker.store
        self._blobs = Blobs(maker.store, Redactor())

    def of(self, tab: str) -> Part:
        parts: Mapping[str, Part] = {
            "plan": self._plan,
            "timeline": self._timeline,
            "code": self._code,
            "cost": self._cost,
            "evidence": self._evidence,
            "transcript": self._transcript,
        }
        return parts[tab]

    async def _plan(self, asked: _Asked) -> Mapping[str, Any]:
        return {"drawing": drawing(asked.state.plan)}

    async def _timeline(self, asked: _Asked) -> Mapping[str, Any]:
        page = await timeline(
            self._store,
            asked.state.run,
            up_to=asked.moment.seq,
            after=asked.wanted.after,
            type=asked.wanted.type,
            level=asked.wanted.level,
        )
        return {"page": page, "levels": LEVELS}

    async def _code(self, asked: _Asked) -> Mapping[str, Any]:
        code = await run_code(self._store, self._blobs, asked.state.run, asked.wanted.path, asked.moment.seq)
        lines = code.shown.lines if code.shown is not None else []
        texts = coloured(code.shown.path, [line.text for line in lines]) if code.shown is not None else []
        return {"code": code, "lines": list(zip(lines, texts, strict=True))}

    async def _cost(self, asked: _Asked) -> Mapping[str, Any]:
        attempts = await attempts_at(self._store, asked.state.run, asked.moment.seq)
        whole = sum((line.usd for line in grouped(attempts)), Decimal(0))
        estimate = await comparison_of(self._store, asked.state.run) if not asked.moment.past else None
        return {"groups": grouped(attempts), "whole": whole, "estimate": estimate}

    async def _evidence(self, asked: _Asked) -> Mapping[str, Any]:
        attempts = await attempts_at(self._store, asked.state.run, asked.moment.seq)
        judged = [line for line in attempts if line.verified is not None]
        try:
            found = await verdict_in(self._store, str(asked.state.run)) if not asked.moment.past else None
        except NotFound:
            found = None
        return {"judged": judged, "verdict": found.view if found is not None else None}

    async def _transcript(self, asked: _Asked) -> Mapping[str, Any]:
        attempts = await attempts_at(self._store, asked.state.run, asked.moment.seq)
        pairs = list(dict.fromkeys((line.task, line.attempt) for line in attempts))
        chosen = (asked.wanted.task, asked.wanted.attempt)
        if chosen not in pairs:
            chosen = pairs[-1] if pairs else ("", 0)
        shown = (
            await attempt_of(self._store, self._blobs, asked.state.run, chosen[1], chosen[0], up_to=asked.moment.seq)
            if pairs
            else None
        )
        return {"pairs": pairs, "chosen": chosen, "attempt": shown}
