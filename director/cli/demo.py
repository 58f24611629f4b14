"""`aura demo`: the whole path on real parts, told while it happens, in stages with their times."""

import os
import shlex
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from agents.employees import postings
from agents.employees.providers import llama_cpp_server
from bus.embedded import stack
from director.cli.live_view import Watch
from director.cli.log_text import checked_text
from director.services.approvals import approve_run
from director.services.bring_up import box_faults, bring_up, hire
from director.services.replay import checked_replay, differs
from director.services.run_record import run_data
from director.services.session import DirectorSession, archive, desk, new_id, rows
from director.services.submit import ATTEMPTS_MAX, submit
from director.settings import Settings
from director.terminal.output import Door
from director.terminal.text import attempt_line, money, next_step, table
from domain.errors import Failed
from governance import keys
from verification.requirements.parser import read_requirement

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REAL = EXAMPLES / "small-tools" / "small-tools.md"
RECORDED = EXAMPLES / "recorded-tools" / "recorded-tools.md"
PRINCIPAL = "demo-director"
MODEL_WAIT = "one to three minutes on two cores"
SCRIPTED_WAIT = "about ten seconds"
REJECTIONS_SHOWN = 8


def _by_reason(rejected: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """Count the failures of each employee by first reason."""
    counts: dict[tuple[str, str], int] = {}
    for row in rejected:
        reason = row["findings"][0]["kind"] if row["findings"] else str(row["outcome"])
        key = (str(row["employee_name"]), reason)
        counts[key] = counts.get(key, 0) + 1
    return [(who, reason, count) for (who, reason), count in sorted(counts.items(), key=lambda part: -part[1])]


def here(path: Path | str) -> str:
    """A path as it can be pasted: relative when it lies below the present folder."""
    inside = Path(path).is_relative_to(Path.cwd())
    return shlex.quote(os.path.relpath(path) if inside else str(path))


def program() -> str:
    """Return how to call `aura` from here: by its name when it is on the PATH, otherwise by its path."""
    found = shutil.which("aura")
    own = Path(sys.executable).with_name("aura")
    return "aura" if found is not None and Path(found).resolve() == own.resolve() else here(own)


class Odds(msgspec.Struct, frozen=True):
    """Settings that the demo takes from the table of measured pass rates."""

    attempts_max: int


_odds = msgspec.json.Decoder(Odds)


@dataclass
class Demo:
    """One demonstration. Everything it does can be done by hand with the commands it names."""

    settings: Settings
    door: Door
    scripted: bool = False
    _began: float = field(default_factory=time.monotonic)
    _stages: list[dict[str, Any]] = field(default_factory=list)

    async def run(self) -> None:
        """Bring up, hire, submit, follow, approve, check. Raises Failed when the run is not delivered."""
        reason = None if self.scripted else llama_cpp_server.model_available()
        if reason is not None:
            self.door.say(f"No real model here ({reason}): this demo plays recorded answers, and says so everywhere.")
            self.scripted = True
        wait = SCRIPTED_WAIT if self.scripted else MODEL_WAIT
        self.door.say(
            f"Aura Orchestra, demonstration. Expected wait: {wait}. Everything stays in {here(self.settings.root)}."
        )
        await self._stage("starting servers and organisation", self._up())
        not_held = await box_faults(self.settings, allow_degraded=True)
        if not_held:
            self.door.say(
                f"Degraded: the sandbox of this machine does not hold {', '.join(not_held)}; the demo accepts that."
            )
        keys.create(self.settings.keys, "director", name=PRINCIPAL)
        async with desk(self.settings, principal=PRINCIPAL) as opened:
            await self._stage("hiring", self._hire(opened))
            run = await self._stage(f"submitting {self._file.name}", self._submit(opened))
            line = await self._stage(
                "working", Watch(opened.store, run, self.door, quiet=self.door.as_json).until_rest()
            )
            if line["phase"] != "delivered":
                raise Failed(f"The run ended: {line['outcome']}. {line['reason']}", hint=next_step(line))
            await self._tell_story(opened, run)
            self.door.say(f"\n$ {program()} approve {run}    (run here as principal {PRINCIPAL})")
            line = await self._stage("approving", approve_run(opened, run, commit=line["commit_id"], reason="demo"))
            report = await self._report(opened, run, line)
        self.door.say(f"\n$ {program()} replay --check")
        await self._stage("replaying", self._replay())
        self._close(report, line)

    @property
    def _file(self) -> Path:
        return RECORDED if self.scripted else REAL

    async def _stage(self, name: str, work: Any) -> Any:
        began = time.monotonic()
        self.door.say(f"\n[{began - self._began:5.1f} s] {name} …")
        result = await work
        took = time.monotonic() - began
        self._stages.append({"stage": name, "seconds": round(took, 2)})
        self.door.say(f"          {name}: {took:.1f} s")
        return result

    async def _up(self) -> None:
        await bring_up(self.settings, lambda line: self.door.say(f"          {line}"), model=not self.scripted)

    async def _hire(self, opened: DirectorSession) -> None:
        """The cheater of this demonstration, and without a model somebody who plays recorded right answers."""
        mark = f"{new_id().int & 0xFFFF:04x}"
        cheater = postings.Posting(name=f"cheater-{mark}", kind="scripted", script="cheater", slots=2)
        await hire(opened, cheater)
        if self.scripted:
            script = str(RECORDED.with_name("answers.json"))
            await hire(opened, postings.Posting(name="recorded", kind="scripted", script=script))
        for person in await rows(opened.store, "door_people"):
            if person["phase"] == "working":
                told = " (scripted: no model answers)" if person["scripted"] else ""
                self.door.say(f"          {person['name']}: {person['provider']} {person['model']}{told}")

    async def _submit(self, opened: DirectorSession) -> UUID:
        requirement = read_requirement(self._file)
        attempts_max = ATTEMPTS_MAX
        if not self.scripted:
            pass_rates = REAL.with_name("pass-rates.json").read_bytes()
            attempts_max = _odds.decode(pass_rates).attempts_max
        run = new_id()
        outcome = await submit(
            opened.gate,
            opened.blobs,
            requirement,
            id=new_id(),
            run=run,
            folder=self._file.parent,
            attempts_max=attempts_max,
            allow_degraded=True,
            libraries=self.settings.libraries,
            say=self.door.say,
        )
        await opened.store.wait_recorded(outcome.seq, 30.0)
        self.door.say(f"          run {run}")
        return run

    async def _tell_story(self, opened: DirectorSession, run: UUID) -> None:
        data = await run_data(opened.store, run)
        attempts = data["attempts"]
        rejected = [row for row in attempts if row["verified"] is False or row["outcome"] != "answered"]
        self.door.say(f"\nAttempts: {len(attempts)}, rejected {len(rejected)}; the first of them, and all by reason")
        lines = [attempt_line(row) for row in rejected[:REJECTIONS_SHOWN]]
        self.door.say(table(("task", "try", "employee", "outcome", "why"), lines))
        self.door.say("\n" + table(("employee", "reason", "times"), _by_reason(rejected)))
        for strike in await rows(opened.store, "door_strikes"):
            if any(str(row["employee"]) == str(strike["employee"]) for row in attempts):
                self.door.say(f"{strike['name']} was {strike['kind']}: {strike['reason']}")
        self.door.say("\nScores (all runs of this organisation)")
        from director.services.staff import scores_text

        self.door.say(scores_text(await rows(opened.store, "door_scores")))
        kind = "scripted" if self.scripted else "local model"
        self.door.say(f"\nCost: {money(data['run']['spent_usd'])} ({kind}), {data['run']['spent_tokens']} tokens")

    async def _report(self, opened: DirectorSession, run: UUID, line: dict[str, Any]) -> dict[str, Any]:
        """Build the answer of --json: for each task its author and number of attempts, and the cheater's standing."""
        data = await run_data(opened.store, run)
        tasks = []
        for task in data["tasks"]:
            mine = [row for row in data["attempts"] if row["task_name"] == task["name"]]
            last = next(row for row in mine if row["verified"])
            tasks.append(
                {
                    "task": task["name"],
                    "attempts": task["attempts"],
                    "rejected_real": sum(row["verified"] is False and not row["scripted"] for row in mine),
                    "employee": last["employee_name"],
                    "provider": last["provider"],
                    "scripted": last["scripted"],
                    "model": last["model"],
                    "model_digest": last["model_digest"],
                    "prompt_digest": last["prompt"],
                    "answer_digest": last["answer"],
                    "verdict_event": last["verdict"],
                }
            )
        people = [
            {"name": person["name"], "standing": person["phase"], "strikes": person["strikes"]}
            for person in await rows(opened.store, "door_people")
        ]
        return {"run": run, "tasks": tasks, "staff": people, "delivery": line, "stages": self._stages}

    async def _replay(self) -> None:
        async with archive(self.settings) as store:
            checked = await checked_replay(store)
        if (error := differs(checked)) is not None:
            raise error
        self.door.say(f"          {checked_text(checked)}")

    def _use(self, folder: str) -> str:
        """A command that runs what was delivered: the first visible case, without any environment."""
        step = read_requirement(self._file).criteria[0].cases[0].steps[0]
        module, _, function = step.target.partition(":")
        given = ", ".join(map(repr, step.args))
        plain = given if '"' in given else given.replace("'", '"')  # quotes that a shell leaves alone
        call = f"{function}({plain})"
        code = shlex.quote(f"from {module} import {function}; print({call})")
        return f"(cd {folder} && python3 -c {code})"

    def _close(self, report: dict[str, Any], line: dict[str, Any]) -> None:
        folder, aura, file, home = here(line["folder"]), program(), here(self._file), here(self.settings.root)
        text = "\n".join(
            [
                f"\nDelivered and released: {folder}",
                "",
                "Paste any of these:",
                f"  git -C {folder} log --stat",
                f"  {self._use(folder)}",
                f"  {aura} judge {file} {folder} --allow-degraded",
                f"  {aura} run show {report['run']}",
                f"  {aura} events --follow",
                f"  {aura} init my.md",
                f"  {aura} down                 # stop everything; the record stays",
                f"  {aura} down && rm -rf {home}    # stop and delete everything, deliveries too",
            ]
        )
        if stack.status(self.settings.root).running:
            text += "\n\nThe organisation stays up."
        self.door.answer(report, text)
