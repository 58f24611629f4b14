"""The command line as a new user has it: `aura` runs as a process in a separate AURA_HOME and is stopped at the end."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from agents.employees import postings
from agents.workers.pool import RESCAN_S
from bus.embedded.child import log_tail
from director.cli.main import main
from tests.clusters import open_folder, with_cluster
from tests.integration.house import Sample
from tests.loopback import Loopback, Reply, loopback

AURA = Path(sys.executable).with_name("aura")
WAIT_S = 420.0
POLL_S = 0.1
LOG_LINES = 40
SLOW_S = 2.0
"""Extra time (s) for a scripted call beyond its expected time. It is short, so that a lost call is given up soon."""
OF_THE_SHELL = ("AURA_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "NO_COLOR")
"""Prefixes of environment variables of the user's shell that would change the tested behaviour."""


class Said(NamedTuple):
    """The exit status and the output of a command."""

    code: int
    out: str
    err: str


class Aura:
    """`aura` in one home.

    `environment` is added to the test's environment, from which all AURA_* variables are removed.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(OF_THE_SHELL)},
            "AURA_HOME": str(self.home),
            "AURA_ALLOW_DEGRADED": "1",
            "AURA_HTTP_PORT": "off",  # only the tests of the API need it, and it costs a second of each start
            **environment,
        }

    def run(self, *arguments: str, **environment: str) -> Said:
        """Run a command to its end."""
        done = subprocess.run(
            [AURA, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=WAIT_S,
            check=False,
        )
        return unbroken(Said(done.returncode, done.stdout, done.stderr))

    def inside(self) -> "Inside":
        """Return the same home with commands that run in this process. This saves the start of an interpreter."""
        return Inside(self.folder, **self.environment)

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [AURA, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def text(self, *arguments: str, **environment: str) -> str:
        """Run a command that must succeed, and return its text output."""
        said = self.run(*arguments, **environment)
        assert said.code == 0, said
        return said.out

    def json(self, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
        """Return the data of a command that succeeds, or the error of a command that ends with `code`."""
        whole = self.answer(*arguments, code=code, **environment)
        found: dict[str, Any] = whole["data" if code == 0 else "error"]
        return found

    def answer(self, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
        """Return the only JSON object on stdout, after a check of its form."""
        said = self.run(*arguments, "--json", **environment)
        assert said.code == code, f"{said}\n{self.logs()}"
        return the_object(said)

    def status(self) -> dict[str, Any]:
        """Return the data of `aura status` while something runs. Its exit status says whether a part is missing."""
        said = self.run("status", "--json")
        whole = the_object(said)
        data: dict[str, Any] = whole["data"]
        assert data["running"], whole
        assert said.code == (69 if data["missing"] or data["problem"] else 0), whole
        assert all(name in whole["error"]["message"] for name in data["missing"]), whole
        return data

    def logs(self) -> str:
        """Return the last lines of each process's log, for a test that fails."""
        logs = sorted((self.home / "run" / "logs").glob("*.log"))
        return "\n".join(f"-- {log.name}\n{log_tail(str(log), LOG_LINES)}" for log in logs)

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Return a stream of JSON lines as a list."""
        return [json.loads(line) for line in self.text(*arguments, "--json").splitlines()]

    def hire(self, name: str, answers: Mapping[str, list[dict[str, str]]], *, delay_s: float = 0.0) -> None:
        """Hire a scripted employee. A delay, for which `aura hire` has no option, is written into its file."""
        script = self.folder / f"{name}.answers.json"
        script.write_text(json.dumps(answers))
        wall_s = delay_s + SLOW_S
        self.json("hire", name, "--script", str(script), "--wall-s", str(wall_s))
        if delay_s:
            folder = self.home / "employees"
            postings.save(folder, replace(postings.find(folder, name), delay_s=delay_s))
            time.sleep(2 * RESCAN_S)  # its worker follows the file by now

    def requirement(self, sample: Sample, name: str = "adders") -> str:
        """Write a requirement with its sealed cases, and return the name of its file."""
        (self.folder / f"{name}.md").write_bytes(sample.source)
        (self.folder / f"{name}.sealed.yaml").write_bytes(sample.sealed)
        return f"{name}.md"

    def until(self, found: Callable[[], object], wait_s: float = WAIT_S) -> Any:
        """Call a function until it returns a true value."""
        deadline = time.monotonic() + wait_s
        while not (answer := found()):
            assert time.monotonic() < deadline, f"not within {wait_s:g} s: {self.run('status').out}"
            time.sleep(POLL_S)
        return answer

    def phase(self, run: str) -> str:
        """Return the phase of a run, or its outcome if it has ended."""
        line = self.json("run", "show", run)["run"]
        return str(line["outcome"] or line["phase"])


class Inside(Aura):
    """`aura` in the test's own process, for commands of which only the answer is tested."""

    def run(self, *arguments: str, **environment: str) -> Said:
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            for name in [name for name in os.environ if name.startswith(OF_THE_SHELL)]:
                patch.delenv(name)
            for name, value in (self.environment | environment).items():
                patch.setenv(name, value)
            code = main(arguments)
        return unbroken(Said(code, out.getvalue(), err.getvalue()))


def unbroken(said: Said) -> Said:
    """Check that a command shows no traceback and no "defect of aura"."""
    assert "Traceback" not in said.out + said.err, said
    assert "defect of aura" not in said.out + said.err, said
    return said


def the_object(said: Said) -> dict[str, Any]:
    """Check the contract of --json: one object on one line, with every key.

    An error says what is wrong and what to do.
    """
    assert len(said.out.splitlines()) == 1, said
    whole: dict[str, Any] = json.loads(said.out)
    assert list(whole) == ["schema", "ok", "data", "error"], whole
    assert whole["schema"].startswith("aura/1/"), whole
    assert whole["ok"] == (said.code == 0) == (whole["error"] is None), whole
    if whole["error"] is not None:
        assert list(whole["error"]) == ["code", "message", "hint"], whole
        assert all(whole["error"].values()), whole
    return whole


@contextmanager
def homely(*up: str, **environment: str) -> Iterator[Aura]:
    """Yield `aura` with a fresh home that the database's user can reach. `up`: start it first.

    It is always stopped at the end.
    """
    folder = open_folder("aura-cli-")
    aura = Aura(folder, **environment)
    try:
        if up:
            with_cluster(aura.home)
            aura.inside().json(*up)
        yield aura
    finally:
        stopped = taken_down(aura)
        shutil.rmtree(folder, ignore_errors=True)
        assert stopped.code == 0, stopped


def taken_down(aura: Aura) -> Said:
    """Return the output of `aura down`. It runs in this process, unless the test itself runs in an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return aura.inside().run("down")
    return aura.run("down")


class Server:
    """A loopback model server in its own thread, so the test can wait for a command at the same time."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.server: Loopback

    async def _serve(self) -> None:
        async with loopback(self._reply) as self.server:
            self._ready.set()
            await self._stop.wait()
        hanging = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    def __enter__(self) -> Loopback:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self.server

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)
        self._loop.close()
