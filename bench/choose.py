"""From the measured table to the example: how many attempts its tasks need, and what the odds then are.

`python -m bench.choose TABLE` writes `examples/small-tools/pass-rates.json` and `pass-rates.md` beside the requirement.
"""

import argparse
import platform
from os import cpu_count
from pathlib import Path

import msgspec

from bench.odds import Rate, all_verified_at_least, attempts_for, no_rejection_at_most
from bench.passrates import PassRate, Table
from verification.requirements.parser import read_requirement

EXAMPLE = Path(__file__).parent.parent / "examples" / "small-tools" / "small-tools.md"
ALL_VERIFIED_MIN = 0.999
NO_REJECTION_MAX = 0.001
ATTEMPTS_CEILING = 100
ATTEMPTS_ROUNDED_TO = 5
CHEATED_ATTEMPTS_MAX = 3  # of one task, by the scripted cheater until HR has suspended it


class Published(Table, kw_only=True):
    """The table as committed, with what follows from it for the example's tasks."""

    machine: str
    example: tuple[str, ...]
    attempts_max: int
    all_verified_at_least: float
    no_rejection_at_most: float


def rates_of(rows: list[PassRate], functions: tuple[str, ...]) -> list[tuple[Rate, ...]]:
    """One tuple of rates, one per style, for each function."""
    return [tuple(Rate(row.tries, row.passes) for row in rows if row.function == name) for name in functions]


_table = msgspec.json.Decoder(Table)


def published(table: Table, functions: tuple[str, ...]) -> Published:
    """The table with attempts and odds; the process ends when the odds are not met."""
    tasks = rates_of(table.rows, functions)
    fewest = attempts_for(tasks, ALL_VERIFIED_MIN, ATTEMPTS_CEILING)
    no_rejection = no_rejection_at_most(tasks)
    if fewest is None or no_rejection >= NO_REJECTION_MAX:
        raise SystemExit(f"these functions do not do: attempts {fewest}, no rejection {no_rejection:.5f}")
    attempts_max = -(-(fewest + CHEATED_ATTEMPTS_MAX) // ATTEMPTS_ROUNDED_TO) * ATTEMPTS_ROUNDED_TO
    return Published(
        **{field: getattr(table, field) for field in Table.__struct_fields__},
        machine=f"{cpu_count()} cores, {platform.system()} {platform.machine()}",
        example=functions,
        attempts_max=attempts_max,
        all_verified_at_least=all_verified_at_least(tasks, attempts_max - CHEATED_ATTEMPTS_MAX),
        no_rejection_at_most=no_rejection,
    )


def page_of(table: Published) -> str:
    """The table for people."""
    lines = [
        "# Measured pass rates",
        "",
        f"Measured {table.date} with `python -m bench.passrates` on {table.machine}.",
        "Written by `python -m bench.choose`.",
        f"Model SmolLM2-135M-Instruct Q4_1, sha256 `{table.model_digest}`, served by {table.runtime};",
        f"temperature {table.temperature}, at most {table.output_tokens_max} tokens, a seed per try, no feedback.",
        "A try passes when every visible and every sealed case gives the expected value.",
        "Bounds: Clopper-Pearson, 95 %, one-sided. The five were chosen after their first 40 tries, which are counted,",
        "from about thirty functions that were probed, not all of them listed: the bounds do not count that search.",
        "",
        "| function | style | passes / tries | rate | lower | upper | in the example |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table.rows:
        rate = Rate(row.tries, row.passes)
        used = "yes" if row.function in table.example else ""
        cells = f"{row.passes} / {row.tries} | {row.passes / row.tries:.2f} | {rate.lower:.3f} | {rate.upper:.3f}"
        lines.append(f"| {row.function} | {row.style} | {cells} | {used} |")
    lines += [
        "",
        f"With two employees in turn and at most **{table.attempts_max} attempts** a task, of which a cheater",
        f"may waste {CHEATED_ATTEMPTS_MAX}, all five tasks are verified",
        f"with a probability above {table.all_verified_at_least:.5f} (from the lower bounds), and no attempt at all is",
        f"rejected with a probability below {table.no_rejection_at_most:.5f} (from the upper bounds).",
        "",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.choose", description="Publish the measured pass rates.")
    parser.add_argument("table", type=Path)
    asked = parser.parse_args(argv)
    requirement = read_requirement(EXAMPLE)
    functions = tuple(task.scope[0].removesuffix(".py") for task in requirement.tasks)
    table = published(_table.decode(asked.table.read_bytes()), functions)
    encoded = msgspec.json.format(msgspec.json.encode(table), indent=1)
    (EXAMPLE.parent / "pass-rates.json").write_bytes(encoded + b"\n")
    (EXAMPLE.parent / "pass-rates.md").write_text(page_of(table))


if __name__ == "__main__":
    main()
