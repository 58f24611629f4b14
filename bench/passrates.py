"""Measurement of the embedded model's pass rates, for each candidate function in each prompt style.

`python -m bench.passrates --tries 40 --out FILE` uses the prompts, settings and answer parser of the model's employees.
It runs each answer in a box with visible and sealed cases, and adds the counts to FILE. It stores no answers. The
functions of `examples/small-tools` were chosen from this table.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid4

import msgspec

from agents.briefs.brief import Brief, brief_of
from agents.briefs.fence import ANY_FENCE
from agents.employees.call_errors import CallFailed
from agents.employees.contract import CallLimits, Order
from agents.employees.model_employee import ModelEmployee
from agents.employees.prompts import EXTRAS, Style, messages_of
from agents.employees.providers.llama_cpp import FEEDBACK_MAX, OUTPUT_TOKENS_MAX, STOPS, TEMPERATURE, embedded_employee
from agents.employees.providers.llama_cpp_server import HOST, SLOTS, model_digest, runtime_version
from bench.boxed import outcomes
from domain.tree import digest_of
from verification.requirements.model import Criterion, Requirement
from verification.requirements.parser import read_requirement
from verification.sandbox.base import Sandbox
from verification.sandbox.bubblewrap import Bubblewrap

CANDIDATES = Path(__file__).parent / "candidates" / "candidates.md"
CALL_WALL_S = 120.0
READY_WALL_S = 60.0
_POLL_S = 0.2


class PassRate(msgspec.Struct, kw_only=True):
    """Counts of one function in one prompt style. `prompt_sha256` is the digest of the prompt that was used."""

    function: str
    style: str
    prompt_sha256: str
    tries: int = 0
    passes: int = 0
    output_tokens: int = 0


class Table(msgspec.Struct, kw_only=True):
    """All counts so far, with the settings of the measurement. Later tries continue with the next seeds."""

    model_digest: str
    runtime: str
    date: str
    temperature: float
    output_tokens_max: int
    feedback_max: int
    stops: dict[Style, tuple[str, ...]]
    rows: list[PassRate] = []


def prompt_sha256(brief: Brief, style: Style) -> str:
    """Return the digest of the parts of a request that come from the brief, in this style."""
    asked = {"messages": messages_of(brief, ANY_FENCE, FEEDBACK_MAX, small=True), "extras": dict(EXTRAS[style](brief))}
    return digest_of(msgspec.json.encode(asked, order="sorted"))


async def passes(sandbox: Sandbox, criterion: Criterion, path: str, files: Mapping[str, bytes]) -> bool:
    """Return whether the file returns the expected value, with its type, in every visible and sealed case."""
    steps = [case.steps[0] for case in criterion.cases + criterion.sealed]
    source = files.get(path, b"").decode(errors="replace")
    if not source:
        return False
    got = await outcomes(sandbox, source, steps[0].target.partition(":")[2], [step.args for step in steps])
    return got is not None and all(
        "returns" in seen and json.dumps(seen["returns"]) == json.dumps(step.expect.returns)
        for seen, step in zip(got, steps, strict=True)
    )


class Sweep:
    """Measurement of all candidates with one model server. It uses all slots of the server at the same time."""

    def __init__(self, requirement: Requirement, base_url: str) -> None:
        self.sandbox = Bubblewrap()
        self.requirement = requirement
        self.criteria = {criterion.id: criterion for criterion in requirement.criteria}
        self.employees: dict[Style, ModelEmployee] = {
            style: embedded_employee(id=uuid4(), name=style, base_url=base_url, style=style)
            for style in get_args(Style)
        }
        self.slots = asyncio.Semaphore(SLOTS)

    async def ready(self) -> None:
        """Wait until the model answers."""
        async with asyncio.timeout(READY_WALL_S):
            while True:
                try:
                    await self.employees["chat"].probe()
                    return
                except CallFailed:
                    await asyncio.sleep(_POLL_S)

    async def measure(self, task: str, style: Style, tries: int, row: PassRate) -> None:
        """Make `tries` more tries and add their counts to the row."""
        async with asyncio.TaskGroup() as group:
            for seed in range(row.tries, row.tries + tries):
                group.create_task(self._once(task, style, seed, row))

    async def _once(self, task: str, style: Style, seed: int, row: PassRate) -> None:
        planned = next(planned for planned in self.requirement.tasks if planned.id == task)
        brief = brief_of(self.requirement, task, base={})
        limits = CallLimits(output_tokens_max=OUTPUT_TOKENS_MAX, wall_s=CALL_WALL_S, cost_usd_max=Decimal(0))
        none = UUID(int=0)
        order = Order(
            id=uuid4(),
            run=none,
            task=none,
            task_name=task,
            employee=self.employees[style].id,
            attempt=1,
            seed=seed,
            brief=brief,
            limits=limits,
        )
        async with self.slots:
            try:
                answer = await self.employees[style].work(order)
                result, files = answer.result, answer.files
            except CallFailed as failed:
                if failed.result is None:
                    raise  # a failure of the server, not of the model, does not count as a try
                result, files = failed.result, {}
        passed = await passes(self.sandbox, self.criteria[planned.criteria[0]], planned.scope[0], files)
        row.tries += 1
        row.passes += passed
        row.output_tokens += result.output_tokens or 0

    async def close(self) -> None:
        for employee in self.employees.values():
            await employee.close()
        await self.sandbox.close()


_table = msgspec.json.Decoder(Table)


def table_at(path: Path) -> Table:
    """Return the table in the file at `path`, or an empty table for the installed model if there is no file."""
    fresh = Table(
        model_digest=model_digest(),
        runtime=runtime_version(),
        date=datetime.now(UTC).date().isoformat(),
        temperature=TEMPERATURE,
        output_tokens_max=OUTPUT_TOKENS_MAX,
        feedback_max=FEEDBACK_MAX,
        stops=dict(STOPS),
    )
    if not path.exists():
        return fresh
    read = _table.decode(path.read_bytes())
    fresh.rows = read.rows
    read.date = fresh.date
    if read != fresh:
        raise SystemExit(f"{path} was measured with another model or other settings. Name a new file with --out.")
    return read


async def sweep(asked: argparse.Namespace, base_url: str) -> None:
    """Measure the functions that the arguments name, and write the table after each row."""
    requirement = read_requirement(asked.candidates)
    table = table_at(asked.out)
    measuring = Sweep(requirement, base_url)
    await measuring.ready()
    for planned in requirement.tasks:
        function = planned.scope[0].removesuffix(".py")
        if asked.only and function not in asked.only:
            continue
        for style in get_args(Style):
            row = _row(table, function, style, prompt_sha256(brief_of(requirement, planned.id, base={}), style))
            await measuring.measure(planned.id, style, max(0, asked.tries - row.tries), row)
            asked.out.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n")
            print(f"{function:16} {style:8} {row.passes}/{row.tries}", flush=True)
    await measuring.close()


def _row(table: Table, function: str, style: str, digest: str) -> PassRate:
    for row in table.rows:
        if (row.function, row.style) == (function, style):
            if row.prompt_sha256 != digest:
                raise SystemExit(
                    f"The prompt of {function} has changed since the last measurement. Name a new file with --out."
                )
            return row
    table.rows.append(PassRate(function=function, style=style, prompt_sha256=digest))
    return table.rows[-1]


async def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.passrates", description="Measure the model's pass rates.")
    parser.add_argument("--candidates", type=Path, default=CANDIDATES)
    parser.add_argument(
        "--tries",
        type=int,
        default=40,
        help="number of tries for each function and style, including those already in the table",
    )
    parser.add_argument("--only", nargs="*", help="names of the functions to measure (default: all)")
    parser.add_argument("--port", type=int, default=18990)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(argv)
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agents.employees.providers.llama_cpp_server",
        "--port",
        str(asked.port),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await sweep(asked, f"http://{HOST}:{asked.port}/v1")
    finally:
        server.terminate()
        await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
