"""Runs of an attack: in a box, and as an ordinary process of a plain user, with fresh canaries each time."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.attacks.attack import PRELUDE, Attack, Seen, outcomes_of
from tests.attacks.canaries import SECRET, SECRET_VARIABLE, Canaries, ended
from tests.attacks.leftovers import processes_with
from verification.sandbox.base import RunSpec, Sandbox
from verification.sandbox.program import reachable
from verification.sandbox.runtime import BOX_UID

AT_ONCE = 4
OUTSIDE_WALL_S = 30.0
READ_BYTES_MAX = 32 * 1024 * 1024
SAID_CHARACTERS = 300


def plain_interpreter() -> Path | None:
    """Return a Python that the boxes' user can start outside a box, or None."""
    if os.getuid() != 0:
        return Path(sys.executable)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folders = ("/usr/bin", "/usr/local/bin")
    candidates = [
        Path(sys.executable).resolve(),
        *(Path(each) / name for each in folders for name in (version, "python3")),
    ]
    return next((path for path in candidates if path.exists() and reachable(path, BOX_UID)), None)


async def contained(sandbox: Sandbox, attack: Attack) -> Seen:
    """Run the attack in a box of this sandbox."""
    os.environ[SECRET_VARIABLE] = SECRET  # of this process, from which boxes are started
    with Canaries() as canaries:
        spec = RunSpec(
            argv=("python3", "-I", "-c", PRELUDE + attack.code, json.dumps(canaries.facts() | dict(attack.facts))),
            limits=attack.limits,
            collect=attack.collect,
        )
        result = await sandbox.run(spec)
        return Seen(
            reason=result.reason,
            exit_code=result.exit_code,
            wall_s=result.wall_s,
            outcomes=outcomes_of(result.stdout),
            output_bytes=len(result.stdout) + len(result.stderr),
            files=result.files,
            refused=result.refused,
            peak_memory_bytes=result.peak_memory_bytes,
            hits=canaries.hits(),
            survivors=len(processes_with(canaries.mark)),
            leaked=_leaks(result.stdout, result.stderr, result.files),
            said=result.stderr[-SAID_CHARACTERS:].decode(errors="replace"),
        )


def uncontained(attack: Attack, python: Path) -> Seen:
    """Run the control: the same program without a sandbox, as the boxes' user."""
    with Canaries() as canaries, tempfile.TemporaryDirectory(prefix="aura-outside-", dir="/tmp") as folder:
        as_root = os.getuid() == 0
        if as_root:
            os.chown(folder, BOX_UID, BOX_UID)
        facts = canaries.facts() | dict(attack.facts) | dict(attack.harmless)
        began = time.monotonic()
        stdout, stderr, code = _process(
            [str(python), "-I", "-c", PRELUDE + attack.code, json.dumps(facts)],
            folder=folder,
            environment={"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, SECRET_VARIABLE: SECRET},
            held=canaries.held,
            user=BOX_UID if as_root else None,
            terminal=attack.terminal,
        )
        survivors = processes_with(canaries.mark)
        ended(survivors)
        files = naive_copy(Path(folder))
        return Seen(
            reason="exit",
            exit_code=code,
            wall_s=time.monotonic() - began,
            outcomes=outcomes_of(stdout),
            output_bytes=len(stdout) + len(stderr),
            files=files,
            hits=canaries.hits(),
            survivors=len(survivors),
            leaked=_leaks(stdout, stderr, files),
            said=stderr[-SAID_CHARACTERS:].decode(errors="replace"),
        )


async def all_contained(sandbox: Sandbox, attacks: Iterable[Attack], at_once: int = AT_ONCE) -> dict[str, Seen]:
    """Run each attack in a separate box, several at a time."""
    free = asyncio.Semaphore(at_once)

    async def one(attack: Attack) -> tuple[str, Seen]:
        async with free:
            return attack.name, await contained(sandbox, attack)

    return dict(await asyncio.gather(*(one(attack) for attack in attacks)))


async def all_uncontained(attacks: Iterable[Attack], python: Path, at_once: int = AT_ONCE) -> dict[str, Seen]:
    """Run each control, several at a time."""
    free = asyncio.Semaphore(at_once)

    async def one(attack: Attack) -> tuple[str, Seen]:
        async with free:
            return attack.name, await asyncio.to_thread(uncontained, attack, python)

    return dict(await asyncio.gather(*(one(attack) for attack in attacks)))


def naive_copy(folder: Path) -> dict[str, bytes]:
    """Copy the files as careless code would: it follows links but does not open archives."""
    found: dict[str, bytes] = {}
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here) / name
            if path.is_file() and path.stat().st_size <= READ_BYTES_MAX:
                found[os.fsencode(path.relative_to(folder)).decode(errors="replace")] = path.read_bytes()
    return found


def _process(
    command: list[str], *, folder: str, environment: dict[str, str], held: int, user: int | None, terminal: bool
) -> tuple[bytes, bytes, int | None]:
    """Run a process, and return its output and exit code.

    Output goes to files, because a survivor may hold a pipe open.
    """
    ours, theirs = pty.openpty() if terminal else (-1, -1)
    if terminal and user is not None:
        os.fchown(theirs, user, user)
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                command,
                stdin=theirs if terminal else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=environment,
                pass_fds=[held],
                user=user,
                group=user,
                extra_groups=[] if user is not None else None,
                start_new_session=True,
            )
            try:
                code = process.wait(OUTSIDE_WALL_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
            out.seek(0)
            err.seek(0)
            return out.read(), err.read(), code
    finally:
        if terminal:
            os.close(ours)
            os.close(theirs)


def _leaks(*outputs: bytes | Mapping[str, bytes]) -> bool:
    texts = (part for each in outputs for part in ([each] if isinstance(each, bytes) else each.values()))
    return any(SECRET.encode() in text for text in texts)
