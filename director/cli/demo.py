"""`aura demo`: a whole run of the real system in its own home, shown in stages with their times."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from agents.employees.posting import Posting
from agents.employees.providers import llama_cpp_server
from director.cli.demo_story import StoryTeller
from director.cli.live_view import Watch
from director.cli.log_text import checked_text
from director.cli.output import Door
from director.cli.pasting import here, program
from director.services.approvals import approve_run
from director.services.attempt import attempt_of
from director.services.bring_down import bring_down
from director.services.bring_up import box_faults, bring_up
from director.services.estimates import estimate_for
from director.services.hiring import ensure
from director.services.replay import checked_replay, differs
from director.services.run_record import run_data
from director.services.session import DirectorSession, archive, desk, new_id
from director.services.submit import ATTEMPTS_MAX, submit
from director.services.views import rows
from director.settings import Settings
from director.terminal.cheat_text import cheat_text
from director.terminal.estimate_text import estimate_lines
from director.terminal.text import next_step
from domain.errors import Failed
from domain.wording import counted
from governance import keys
from verification.requirements.parser import read_requirement

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REAL = EXAMPLES / "small-tools" / "small-tools.md"
RECORDED = EXAMPLES / "recorded-tools" / "recorded-tools.md"
PRINCIPAL = "demo-director"
MODEL_WAIT = "one to three minutes on two cores"
SCRIPTED_WAIT = "about ten seconds"
FIRST_NAMES_MAX = 100
"""The maximum number of file names to try. The printed `init` command must name a file that does not exist yet."""


class Odds(msgspec.Struct, frozen=True):
    """The field that the demo needs from the file with the measured pass rates."""

    attempts_max: int


_odds = msgspec.json.Decoder(Odds)


@dataclass
class Demo:
    """One demonstration. A person can do each of its steps with the commands that it prints.

    `settings`: the user's settings (`Settings.of_demo` makes the demonstration's settings from them). `keep`: do not
    stop the demonstration at the end.
    """

    settings: Settings
    door: Door
    scripted: bool = False
    keep: bool = False
    _users_home: Path = field(init=False)
    _began: float = field(default_factory=time.monotonic)
    _stages: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._users_home = self.settings.root
        self.settings = self.settings.of_demo()
        stop = f"Stop it with `{self.aura} down`."
        running = f"The demonstration still runs. {stop}"
        self.door.when_interrupted = running if self.keep else "The demonstration was stopped."

    @property
    def aura(self) -> str:
        """The command that calls `aura` on the demonstration's home."""
        return f"AURA_HOME={here(self.settings.root)} {program()}"

    async def run(self) -> None:
        """Start, hire, submit, follow, approve, check, stop. Raises Failed if the run is not delivered."""
        try:
            report, line = await self._path()
        except BaseException:  # also after Ctrl-C, no process must keep running
            await self._stop()
            raise
        if not self.keep:
            await self._stage("stopping", self._stop())
        self._close(report, line)

    async def _path(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Do every step except the last one, the stop. Return the report for --json, and the run's line."""
        self._say_begin()
        await self._stage("starting servers and organisation", self._up())
        not_held = await box_faults(self.settings, allow_degraded=True)
        if not_held:
            self.door.say(
                f"Degraded: this machine's sandbox does not hold {', '.join(not_held)}. The demo accepts that."
            )
        keys.create(self.settings.keys, "director", name=PRINCIPAL)
        async with desk(self.settings, principal=PRINCIPAL) as opened:
            cheater = await self._stage("hiring", self._hire(opened))
            run = await self._stage(f"submitting {self._file.name}", self._submit(opened))
            line = await self._stage(
                "working", Watch(opened.store, run, self.door, quiet=self.door.as_json).until_rest()
            )
            if line["phase"] != "delivered":
                raise Failed(f"The run ended: {line['outcome']}. {line['reason']}", hint=next_step(line))
            teller = StoryTeller(opened.store, run, self.door.say, self.aura)
            await teller.tell("scripted" if self.scripted else "local model")
            self.door.say(f"\n$ {self.aura} approve {run}    (run here as principal {PRINCIPAL})")
            line = await self._stage("approving", approve_run(opened, run, commit=line["commit_id"], reason="demo"))
            report = await self._report(opened, run, line)
            report["cheat"] = await self._cheat(opened, run, cheater)
        self.door.say(f"\n$ {self.aura} replay --check")
        await self._stage("replaying", self._replay())
        return report, line

    def _say_begin(self) -> None:
        reason = None if self.scripted else llama_cpp_server.model_available()
        if reason is not None:
            self.door.say(f"No model can run here ({reason}), so this demo plays recorded answers and marks them.")
            self.scripted = True
        wait = SCRIPTED_WAIT if self.scripted else MODEL_WAIT
        self.door.say(
            f"Aura Orchestra, demonstration. Expected wait: {wait}. All files stay in {here(self.settings.root)}, "
            f"a home with its own servers; {here(self._users_home)} is not changed."
        )

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

    async def _stop(self) -> None:
        """Stop everything that the demonstration has started, except with --keep."""
        if not self.keep:
            await bring_down(self.settings, lambda line: self.door.note(f"          {line}"))

    async def _hire(self, opened: DirectorSession) -> str:
        """Hire the cheater, and without a model also an employee that plays recorded correct answers."""
        cheater = f"cheater-{new_id().int & 0xFFFF:04x}"
        await ensure(opened, Posting(name=cheater, kind="scripted", script="cheater", slots=2))
        if self.scripted:
            script = str(RECORDED.with_name("answers.json"))
            await ensure(opened, Posting(name="recorded", kind="scripted", script=script))
        for person in await rows(opened.store, "door_people"):
            if person["phase"] == "working":
                told = " (scripted: no model answers)" if person["scripted"] else ""
                self.door.say(f"          {person['name']}: {person['provider']} {person['model']}{told}")
        return cheater

    async def _submit(self, opened: DirectorSession) -> UUID:
        requirement = read_requirement(self._file)
        attempts_max = ATTEMPTS_MAX
        if not self.scripted:
            attempts_max = _odds.decode(REAL.with_name("pass-rates.json").read_bytes()).attempts_max
        run = new_id()
        made = await estimate_for(opened.store, requirement, attempts_max)
        for line in estimate_lines(made):
            self.door.say(f"          {line}")
        outcome = await submit(
            opened.gate,
            opened.blobs,
            requirement,
            id=new_id(),
            run=run,
            folder=self._file.parent,
            attempts_max=attempts_max,
            allow_degraded=True,
            estimate=made,
            libraries=self.settings.libraries,
            say=self.door.say,
        )
        await opened.store.wait_recorded(outcome.seq, 30.0)
        self.door.say(f"          run {run}")
        return run

    async def _cheat(self, opened: DirectorSession, run: UUID, cheater: str) -> dict[str, Any]:
        """Return the cheater's first rejected attempt, with its code and the reasons."""
        attempts = (await run_data(opened.store, run))["attempts"]
        first = next(row for row in attempts if row["employee_name"] == cheater and row["verified"] is False)
        seen = await attempt_of(opened.store, opened.blobs, run, first["attempt"], first["task_name"])
        record = [row for row in await rows(opened.store, "door_strikes") if row["name"] == cheater]
        strikes = [row["kind"] for row in record if row["step"] is not None]
        return {
            "employee": cheater,
            "task": seen.task,
            "attempt": seen.attempt,
            "findings": seen.findings,
            "diff": seen.diff,
            "strikes": strikes,
        }

    async def _report(self, opened: DirectorSession, run: UUID, line: dict[str, Any]) -> dict[str, Any]:
        """Return the answer for --json: employee, model and attempts of each task, and the standing of the staff."""
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
        home = str(self.settings.root)
        return {"run": run, "home": home, "tasks": tasks, "staff": people, "delivery": line, "stages": self._stages}

    async def _replay(self) -> None:
        async with archive(self.settings) as store:
            checked = await checked_replay(store)
        if (error := differs(checked)) is not None:
            raise error
        self.door.say(f"          {checked_text(checked)}")

    def _next(self) -> tuple[str, str]:
        """Return the next step in words, and its command. The step for a scripted demo is one that needs no model."""
        if self.scripted:
            return "every attempt with its reasons", f"{self.aura} run show last"
        names = ("first.md", *(f"first-{number}.md" for number in range(2, FIRST_NAMES_MAX)))
        name = next((name for name in names if not Path(name).exists()), names[0])
        return "a requirement of your own, which this model can meet", f"{program()} init {name} --example"

    def _close(self, report: dict[str, Any], line: dict[str, Any]) -> None:
        folder, home = here(line["folder"]), here(self.settings.root)
        words, command = self._next()
        stays = (
            f"The demonstration still runs; stop it with: {self.aura} down"
            if self.keep
            else "All processes of the demonstration are stopped."
        )
        text = "\n".join(
            [
                "\nOne refused cheat",
                cheat_text(report["cheat"]),
                "\nOne delivery",
                f"{counted(len(report['tasks']), 'function')}, each verified, approved and released: {folder}",
                f"\n{stays} To delete it with its delivery and record: rm -rf {home}",
                f"\nNext, {words}:",
                f"  {command}",
            ]
        )
        self.door.answer({**report, "next": command}, text)
