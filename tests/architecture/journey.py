"""The path of one requirement through the code: the files that run from `aura submit` to its delivery.

A real organisation in one process delivers a task of a scripted employee. The command is traced from its start, and the
organisation from the moment at which the requirement is submitted. A file counts if one of its functions runs, and not
if it is only imported. Code in a box is not traced.
"""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from observability.process_registry import at_work
from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "JOURNEY_FOLDER"
SWITCH_WAIT_S = 30.0
TRACER = """
import atexit, json, os, signal, sys, threading

folder, seen, on = os.environ["JOURNEY_FOLDER"], set(), False
entry = "main" if "JOURNEY_FROM_MAIN" in os.environ else None  # of the command line; else from SIGUSR2 on

def traced(frame, event, _argument):
    global on
    code = frame.f_code
    on = on or (code.co_name == entry and "/director/cli" in code.co_filename)
    if on and event == "call" and code.co_flags & 1:  # a function, and not the body of a module or class
        seen.add((code.co_filename, code.co_qualname))

def switch(*_):
    global on
    on = True
    open(f"{folder}/{os.getpid()}.on", "w").close()

def write():
    sys.setprofile(None)
    if on:
        with open(f"{folder}/{os.getpid()}.json", "w") as file:
            json.dump(sorted(seen), file)

if "director" in " ".join(sys.orig_argv) or "aura" in sys.orig_argv[1]:
    signal.signal(signal.SIGUSR2, switch)
    atexit.register(write)
    threading.setprofile(traced)
    sys.setprofile(traced)
"""


@dataclass(frozen=True)
class Journey:
    """The functions that ran, as (file, name), and the chain of events from the submission to the delivery."""

    functions: frozenset[tuple[str, str]]
    hops: tuple[str, ...]

    @property
    def files(self) -> Mapping[str, int]:
        """Return package -> number of its files that ran."""
        files = {file for file, _ in self.functions}
        return dict(sorted(Counter(file.partition("/")[0] for file in files).items()))


def travelled() -> Journey:
    """Deliver one task, and return its path through the code. Needs the embedded servers and a sandbox."""
    sample = Sample(1)
    with homely() as aura:
        folder = aura.folder / "journey"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        (folder / "sitecustomize.py").write_text(TRACER, encoding="utf-8")
        aura.environment |= {"PYTHONPATH": str(folder), FOLDER: str(folder)}
        aura.json("up", "--no-model")
        aura.hire("anna", {task: [sample.right(task)] for task in sample.numbers})
        file = aura.requirement(sample)
        _switch_on(aura, folder)
        line = aura.json("submit", file, "--wait", JOURNEY_FROM_MAIN="1")
        assert line["phase"] == "delivered", line
        hops = chain(aura.lines("events", "--run", line["run"]))
        aura.json("down")
        return Journey(frozenset(_functions(folder)), hops)


def _switch_on(aura: Aura, folder: Path) -> None:
    """Start to trace the processes of the organisation."""
    for present in at_work(aura.home):
        pid = present.process.pid
        os.kill(pid, signal.SIGUSR2)
        deadline = time.monotonic() + SWITCH_WAIT_S
        while not (folder / f"{pid}.on").exists():
            assert time.monotonic() < deadline, f"{present.name} is not traced"
            time.sleep(0.05)


def _functions(folder: Path) -> set[tuple[str, str]]:
    """Read the functions of the project that ran in any process."""
    found: set[tuple[str, str]] = set()
    for file in folder.glob("*.json"):
        for source, name in json.loads(file.read_text(encoding="utf-8")):
            path = Path(source)
            if path.is_relative_to(ROOT) and ".venv" not in path.parts and "tests" not in path.parts:
                found.add((path.relative_to(ROOT).as_posix(), name))
    return found


def chain(events: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the types of the events from the submission to the delivery. Each event is the cause of the next."""
    by_id = {event["envelope"]["id"]: event["envelope"] for event in events}
    at = next(envelope for envelope in by_id.values() if envelope["type"] == "run.delivered")
    found = [at]
    while (cause := found[-1]["cause"]) in by_id:
        found.append(by_id[cause])
    return tuple(envelope["type"] for envelope in reversed(found))


def journey_text(journey: Journey) -> str:
    """Return the journey as a table for the page."""
    hops, functions = len(journey.hops) - 1, len(journey.functions)
    total, judging = sum(journey.files.values()), journey.files.get("verification", 0)
    packages = "\n".join(f"| `{package}/` | {files} |" for package, files in journey.files.items())
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {hops} hops, {total} files with {functions:,} functions; "
        f"{total - judging} of the files are outside `verification/`.\n\n"
        f"{' → '.join(f'`{hop}`' for hop in journey.hops)}\n\n| folder | files |\n| --- | --- |\n{packages}"
    )
