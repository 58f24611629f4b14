"""One life of an organisation, through the doors that people use: every kind of run and every ending.

Messages that no door can cause (void events, and events that a consumer cannot process) are published directly.
"""

import asyncio
import subprocess
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from bus.embedded.stack import status
from bus.stream import STREAM
from domain import employee, run_messages
from domain.message import Command
from governance import keys
from governance.log_session import LogSession
from tests.acceptance.cli import Aura
from tests.recording.forger import Forger
from tests.recording.orders import added, adders, example, maker, missed, reviewer, sealed_of

POLL_S = 0.2
QUIET_S = 20.0
"""This time (s) is longer than the lease of the last order that nobody answers."""
WAIT_S = 240.0
GHOST_WALL_S = 1.0
SLOW_S = 3.0
ONE_MINUTE = '{usd: "1.00", tokens: 400000, minutes: 1}'


class Scenario:
    """The Director's actions. `aura` runs commands in its home. `folder` holds requirements and scripts."""

    def __init__(self, aura: Aura) -> None:
        self.aura = aura
        self.folder = aura.folder
        self.forger = Forger(aura.home / "keys")
        self.people: dict[str, str] = {}

    def play(self) -> None:
        """Play all parts, until nothing happens any more."""
        self.aura.json("up", "--no-model")
        self.aura.json("budget", "--usd", "500", "--tokens", "90000000")
        self._hire("anna", maker())
        self._hire("bert", reviewer())
        delivered = self._every_kind()
        self._endings(delivered)
        self._strikes()
        self._void_and_late()
        self._parked()
        self._rest()

    def _every_kind(self) -> list[str]:
        """Start a run of every kind, all at the same time, and return the runs."""
        for name, part, criteria in (
            ("greet-cli", "greet", "A1, A2, A3, A4"),
            ("notes-service", "notes", "A1, A2, A3, A4"),
            ("version-numbers", "versions", "A1, A2"),
            ("run-lengths", "runs", "A1, A2, A3"),
            ("link-slugs", "links", "A1, A2"),
        ):
            example(name, self.folder, part, criteria)
        self._write("small", adders("Small", "small"), "small")
        self._write("reviewed", adders("Reviewed", "reviewed", more="review: required\n"), "reviewed")
        self._write("based", adders("Based", "based"), "based")
        site = self._site()
        names = ["small", "greet-cli", "notes-service", "version-numbers", "run-lengths", "link-slugs", "reviewed"]
        runs = [self._submit(name) for name in names]
        runs.append(self._submit("based", "--repo", str(site), "--ref", "main"))
        for run in runs:
            self._until(run, "delivered")
        return runs

    def _endings(self, runs: list[str]) -> None:
        """Decide about the deliveries as the Director. The last deliveries wait for this decision."""
        for run in (*runs[:5], runs[7]):
            self.aura.json("approve", run, "--reason", "as asked")
        self.aura.json("approve", runs[0], code=5)
        self.aura.json("reject", runs[5], "--reason", "not what was meant")
        self._write("lopsided", adders("Lopsided", "left", "right"), "left", "right")
        self._write("riddle", adders("Riddle", "riddle"), "riddle")
        self._write("stopped", adders("Stopped", "small", budget='{usd: "1.00", tokens: 0, minutes: 20}'), "small")
        self._write("poor", adders("Poor", "small", budget='{usd: "1.00", tokens: 5000, minutes: 20}'), "small")
        for name, outcome in (("stopped", "refused"), ("poor", "rejected"), ("lopsided", "rejected")):
            self._until(self._submit(name), outcome)
        self._until(self._submit("riddle", "--attempts", "12"), "rejected")

    def _strikes(self) -> None:
        """Play an employee that writes outside the scope: warned, suspended, reinstated, suspended by the Director."""
        tasks = ("one", "two", "three")
        self._hire("cheat", {task: [{**added(task), "conftest.py": "x = 1\n"}] for task in tasks})
        self._write("guarded", adders("Guarded", *tasks), *tasks)
        run = self._submit("guarded", "--attempts", "12")
        self._until(run, "delivered")
        self._wait(lambda: self._standing("cheat") == "suspended")
        self.aura.json("reinstate", "cheat", "--reason", "a second chance")
        self.aura.json("suspend", "cheat", "--reason", "no third one")
        self.aura.json("approve", run)

    def _void_and_late(self) -> None:
        """Pause and halt while a run waits for employees that never answer.

        Write void events, and let a deadline pass.
        """
        for name in ("anna", "bert"):
            self.aura.json("suspend", name, "--reason", "a day off")
        slow = Posting(name="slow", kind="scripted", script=str(self.folder / "anna.answers.json"))
        slow = replace(slow, delay_s=SLOW_S, wall_s=GHOST_WALL_S)
        postings.save(self.aura.home / "employees", slow)
        self._send(lambda: _hire(slow))
        self._send(lambda: _hire(replace(slow, name="ghost")))
        self._write("late", adders("Late", "small", budget=ONE_MINUTE), "small")
        late = self._submit("late", "--attempts", "90")
        cancelled = self._submit("small")
        self._act(lambda office: self._until_type(office, late, "task.call_started"))
        self._act(lambda office: self.forger.of_the_suspended(office, UUID(late), UUID(self.people["anna"])))
        self.aura.json("pause", "--reason", "lunch")
        held = self._submit("small")
        self._act(lambda office: self.forger.against_a_pause(office, UUID(late)))
        self.aura.json("resume", "--reason", "back again")
        self.aura.json("halt", "--reason", "a fire drill")
        self._act(lambda office: self.forger.against_a_halt(office, UUID(late)))
        self.aura.json("resume", "--reason", "no fire")
        self.aura.json("reject", cancelled, "--reason", "nobody needs it")
        self.aura.json("reject", held, "--reason", "nor this")
        self._until(late, "rejected")
        self._act(lambda office: self.forger.after_the_end(office, UUID(late)))
        for name in ("slow", "ghost"):
            self.aura.json("suspend", name, "--reason", "never answers")
        self._write("waiting", adders("Waiting", "one", "two"), "one", "two")
        self._submit("waiting")

    def _parked(self) -> None:
        """Write messages that a consumer cannot process: a newer release's event, and texts that Postgres refuses."""
        self.aura.json("suspend", "cheat", "--reason", "once more", code=7)
        self._act(lambda office: self.forger.newer(office, UUID(self.people["cheat"])))
        self.aura.json("reinstate", "cheat", "--reason", "nobody can read what was said of him")
        odd = profile_of(Posting(name="odd", kind="scripted", script="odd"))
        self._send(lambda: employee.Hire(**_stamp(), employee=uuid4(), profile=replace(odd, name="o\0d")))
        run = uuid4()
        self._act(lambda office: self._odd_run(office, run))
        self._send(lambda: run_messages.End(**_stamp(), run=run, outcome="cancelled", reason="it stands still"))

    async def _odd_run(self, office: LogSession, run: UUID) -> None:
        """Submit a run whose title has a character that no row can store."""
        submitted = next(one.event for one in await office.store.read(0) if one.envelope.type == "run.submitted")
        fields = {name: getattr(submitted, name) for name in submitted.__struct_fields__}
        command = run_messages.Submit(**_stamp(), **(fields | {"run": run, "title": "o\0d"}))
        await office.gate(keys.load(self.aura.home / "keys", "director")).handle(command)

    def _rest(self) -> None:
        """Wait until nothing has happened for some seconds."""

        async def quiet(office: LogSession) -> None:
            last, since = 0, time.monotonic()
            while time.monotonic() - since < QUIET_S:
                now = (await office.stream.info()).last_seq
                last, since = now, time.monotonic() if now != last else since
                await asyncio.sleep(POLL_S)

        self._act(quiet)

    def _hire(self, name: str, answers: dict[str, list[dict[str, str]]]) -> None:
        self.aura.hire(name, answers)
        self.people[name] = str(postings.find(self.aura.home / "employees", name).id)

    def _write(self, name: str, text: str, *tasks: str) -> None:
        (self.folder / f"{name}.md").write_text(text)
        (self.folder / f"{name}.sealed.yaml").write_text(sealed_of(*tasks))

    def _submit(self, name: str, *options: str) -> str:
        return str(self.aura.json("submit", f"{name}.md", *options)["run"])

    def _site(self) -> Path:
        """Make a base repository."""
        site = self.folder / "site"
        site.mkdir()
        (site / "kept.py").write_text("KEPT = 1\n")
        (site / "based.py").write_text(missed("based")["based.py"])
        git = ["git", "-C", str(site), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "begin"]):
            subprocess.run([*git, *words], check=True)
        return site

    def _until(self, run: str, phase: str) -> None:
        self._wait(lambda: self.aura.phase(run) == phase, run)

    def _wait(self, there: Callable[[], bool], about: str = "") -> None:
        deadline = time.monotonic() + WAIT_S
        while not there():
            assert time.monotonic() < deadline, self.aura.run("run", "show", about).out if about else "too late"
            time.sleep(POLL_S)

    def _standing(self, name: str) -> str:
        people = self.aura.json("employees")["employees"]
        return str(next(one for one in people if one["name"] == name)["phase"])

    async def _until_type(self, office: LogSession, run: str, event_type: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not [one for one in await office.store.read_run(UUID(run)) if one.envelope.type == event_type]:
            assert time.monotonic() < deadline, f"{event_type} never came"
            await asyncio.sleep(POLL_S)

    def _send(self, make: Callable[[], Command]) -> None:
        async def send(office: LogSession) -> None:
            await office.gate(keys.load(self.aura.home / "keys", "director")).handle(make())

        self._act(send)

    def _act(self, act: Callable[[LogSession], Coroutine[Any, Any, None]]) -> None:
        asyncio.run(with_office(self.aura.home, act))


async def with_office(home: Path, act: Callable[[LogSession], Coroutine[Any, Any, None]]) -> None:
    """Do something with an open connection to the log of a running home, when all events are recorded."""
    endpoints = status(home).endpoints
    assert endpoints is not None
    office = await LogSession.open(endpoints.nats_url, endpoints.postgres_dsn, name="recording")
    try:
        await office.store.wait_recorded((await office.stream.info()).last_seq, WAIT_S)
        await act(office)
        await office.store.wait_recorded((await office.stream.info()).last_seq, WAIT_S)
    finally:
        await office.close()


async def subjects(office: LogSession) -> list[dict[str, object]]:
    """Return the subject of every message of the stream."""
    stream = office.client.jetstream()
    last = (await office.stream.info()).last_seq
    return [{"seq": seq, "subject": (await stream.get_msg(STREAM, seq)).subject} for seq in range(1, last + 1)]


def _stamp() -> Any:
    return {"id": uuid4(), "at": time.time_ns() // 1000, "cause": None}


def _hire(posting: Posting) -> employee.Hire:
    return employee.Hire(**_stamp(), employee=posting.id, profile=profile_of(posting))
