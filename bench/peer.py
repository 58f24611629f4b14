"""Peers: other programs to compare with. They run in their own environment, because their libraries can differ."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

from domain.errors import Failed

SCRIPTS = Path(__file__).parent / "peers"
PYTHON = Path(".venv-bench/bin/python")
TEMPORAL = Path(".bench-temporal/temporal")
WALL_S = 300.0


def where(dsn: str) -> dict[str, str]:
    """Return host, database and user from a connection string over a unix socket, and the connection string itself."""
    parts = urlsplit(dsn)
    return {
        "dsn": dsn,
        "host": parse_qs(parts.query)["host"][0],
        "database": parts.path.lstrip("/"),
        "user": parts.username or "",
    }


def is_there() -> bool:
    """Return whether the peers in Python are installed."""
    return PYTHON.exists()


def temporal_is_there() -> bool:
    """Return whether the peer that uses Temporal was built, which needs Go."""
    return TEMPORAL.exists()


async def ask(script: str, question: Mapping[str, Any]) -> Mapping[str, float]:
    """Run a peer's script on a question and return its answer. Raises Failed, with the script's output, if it fails."""
    return await _answer([str(PYTHON), "-W", "ignore", str(SCRIPTS / f"run_{script}.py")], script, question)


async def ask_temporal(question: Mapping[str, Any]) -> Mapping[str, float]:
    """Run the peer that uses Temporal on a question and return its answer. Raises Failed as `ask` does."""
    return await _answer([str(TEMPORAL)], "temporal", question)


async def _answer(command: Sequence[str], script: str, question: Mapping[str, Any]) -> Mapping[str, float]:
    with TemporaryDirectory(prefix="aura-peer-") as folder:
        out = Path(folder) / "answer.json"
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(WALL_S):
                said, _ = await process.communicate(json.dumps({**question, "out": str(out)}).encode())
        except TimeoutError:
            process.kill()
            await process.wait()
            raise Failed(f"{script} took more than {WALL_S:.0f} s.", hint="Try `make bench QUICK=1`.") from None
        if not out.exists():
            raise Failed(
                f"{script} ended with {process.returncode}: {said.decode()[-800:]}", hint="Correct the cause above."
            )
        answer: dict[str, float] = json.loads(out.read_bytes())
        return answer


async def versions() -> Mapping[str, str]:
    """Return the installed version of each peer."""
    names = ("eventsourcing", "dbos", "langgraph", "langgraph-checkpoint-postgres", "psycopg")
    program = f"from importlib.metadata import version; print({{name: version(name) for name in {names}}})"
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    read: dict[str, str] = json.loads(said.decode().replace("'", '"') or "{}")
    return read | ({"temporal server": temporal_version()} if temporal_is_there() else {})


def temporal_version() -> str:
    """Return the version of Temporal's server that the peer's go.mod names."""
    lines = (SCRIPTS / "temporal" / "go.mod").read_text(encoding="utf-8").splitlines()
    return next(line.split()[1] for line in lines if line.strip().startswith("go.temporal.io/server "))
