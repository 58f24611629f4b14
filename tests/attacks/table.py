"""The table of attacks for docs/zoo.md, from recorded results: `python -m tests.attacks.table`.

It runs all attacks without a box and in the boxes of every sandbox of this machine, and prints the table. With
`--record` it writes tests/attacks/results.json.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from domain.errors import Unavailable
from tests.attacks.corpus import CORPUS, GROUPS
from tests.attacks.performing import AT_ONCE, all_contained, all_uncontained, plain_interpreter
from tests.docker import host_of, missing
from tests.engine.daemon import Engine
from verification.sandbox import dockerengine
from verification.sandbox.base import Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.docker import Docker
from verification.sandbox.dockerimage import load_image
from verification.sandbox.image import build_image

RECORDED = Path(__file__).with_name("results.json")
CONTAINED, WORKS, NOT_RUN = "contained", "works", "not run"


class Results(msgspec.Struct, frozen=True):
    """The results of all attacks: for each, `works` outside and `contained` in each sandbox, or the fault."""

    date: str
    kernel: str
    sandboxes: Mapping[str, str]  # "bubblewrap" -> "bubblewrap 0.11.0, cgroup v1"
    outside: Mapping[str, str]
    contained: Mapping[str, Mapping[str, str]]  # "bubblewrap" -> attack -> ...

    def failures(self) -> list[str]:
        """Name the attacks that were not contained, and the controls that did not work."""
        controls = [f"{name} outside: {told}" for name, told in self.outside.items() if told != WORKS]
        return controls + [
            f"{name} in {sandbox}: {told}"
            for sandbox, results in self.contained.items()
            for name, told in results.items()
            if told != CONTAINED
        ]


def recorded() -> Results:
    """Return the results in the repository."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=Results)


def attack_table(results: Results | None = None) -> str:
    """Return the part of docs/zoo.md about attacks, in Markdown. Default: from the recorded results."""
    results = results or recorded()
    names = list(results.sandboxes)
    lines = [
        f"{len(CORPUS)} attacks, performed on {results.date} on Linux {results.kernel} in "
        + " and ".join(results.sandboxes.values())
        + ". The column Outside shows the control: the same program ran as an ordinary process, without a sandbox and "
        "without root. An attack that does not work there would prove nothing."
    ]
    for group, attacks in GROUPS.items():
        lines += [
            "",
            f"### {group}",
            "",
            _row("attack", "what it does", "Outside", *names),
            _row(*["---"] * (3 + len(names))),
        ]
        for attack in attacks:
            outside = results.outside.get(attack.name, NOT_RUN)
            if attack.honest_part:
                outside = f"its harmless part {outside}"
            outside += f": {attack.outside}" if attack.outside else ""
            told = (results.contained[name].get(attack.name, NOT_RUN) for name in names)
            lines.append(_row(f"{attack.name} {attack.title}", attack.tries, outside, *told))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


async def perform(sandboxes: Mapping[str, Sandbox], date: str) -> Results:
    """Run all attacks, outside and in each of these sandboxes. Raises Unavailable if no control can run."""
    python = plain_interpreter()
    if python is None:
        raise Unavailable(
            "There is no Python that a plain user can start, and so no control.",
            hint="Install one, as /usr/bin/python3.",
        )
    outside = await all_uncontained(CORPUS, python)
    held = {name: await sandbox.probe() for name, sandbox in sandboxes.items()}
    seen = {name: await all_contained(sandbox, CORPUS, AT_ONCE) for name, sandbox in sandboxes.items()}
    return Results(
        date=date,
        kernel=os.uname().release.partition("-")[0],
        sandboxes={name: f"{each.backend} ({each.confinement})" for name, each in held.items()},
        outside={attack.name: attack.works(outside[attack.name]) or WORKS for attack in CORPUS},
        contained={
            name: {attack.name: attack.held(each[attack.name]) or CONTAINED for attack in CORPUS}
            for name, each in seen.items()
        },
    )


@contextmanager
def engine_of_our_own() -> Iterator[Engine]:
    """Yield a separate Docker engine with a box image that was built for it."""
    with tempfile.TemporaryDirectory(prefix="aura-image-") as image, tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "engine", networks=False)
        engine.start()
        try:
            built = build_image(Path(image), lambda _: None)
            with ThreadPoolExecutor(1) as apart:  # a loop of its own
                apart.submit(asyncio.run, load_image(dockerengine.Engine(host_of(engine)), built)).result()
            yield engine
        finally:
            engine.close()


async def _main(*, record: bool) -> int:
    async with AsyncExitStack() as closing:
        sandboxes: dict[str, Sandbox] = {"bubblewrap": Bubblewrap()}
        if lacks := missing():
            print(f"Without Docker: {', '.join(lacks)} is missing.", file=sys.stderr)
        else:
            engine = closing.enter_context(engine_of_our_own())
            sandboxes["docker"] = Docker(host_of(engine))
        for sandbox in sandboxes.values():
            closing.push_async_callback(sandbox.close)
        results = await perform(sandboxes, datetime.now(UTC).strftime("%Y-%m-%d"))
    print(attack_table(results))
    for failure in results.failures():
        print(failure, file=sys.stderr)
    if record and not results.failures():
        text = msgspec.json.format(msgspec.json.encode(results), indent=2)
        RECORDED.write_bytes(text + b"\n")
    return 1 if results.failures() else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(record="--record" in sys.argv[1:])))
