"""Computation of the attempts that the example's tasks need, and of its odds of success, from measured pass rates.

`python -m bench.choose TABLE` writes `pass-rates.json` and `pass-rates.md` to `examples/small-tools`.
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
CHEATED_ATTEMPTS_MAX = 3  # attempts of one task that the scripted cheater can waste until HR suspends it


class Published(Table, kw_only=True):
    """The table as it is committed, with the attempts and the odds of the example's tasks."""

    machine: str
    example: tuple[str, ...]
    attempts_max: int
    all_verified_at_least: float
    no_rejection_at_most: float


def rates_of(rows: list[PassRate], functions: tuple[str, ...]) -> list[tuple[Rate, ...]]:
    """Return a tuple of rates for each function, with one rate for each prompt style."""
    return [tuple(Rate(row.tries, row.passes) for row in rows if row.function == name) for name in functions]


_table = msgspec.json.Decoder(Table)


def published(table: Table, functions: tuple[str, ...]) -> Published:
    """Return the table with attempts and odds. Raises SystemExit if the odds are too low."""
    tasks = rates_of(table.rows, functions)
    fewest = attempts_for(tasks, ALL_VERIFIED_MIN, ATTEMPTS_CEILING)
    no_rejection = no_rejection_at_most(tasks)
    if fewest is None or no_rejection >= NO_REJECTION_MAX:
        raise SystemExit(
            f"These functions do not fit the example. Attempts per task: {fewest} (None means more than "
            f"{ATTEMPTS_CEILING}). Probability of no rejection: {no_rejection:.5f} (must be below {NO_REJECTION_MAX}). "
            "Choose other functions."
        )
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
    """Return the table as a Markdown page."""
    lines = [
        "# Measured pass rates",
        "",
        f"Measured {table.date} with `python -m bench.passrates` on {table.machine}.",
        "Written by `python -m bench.choose`.",
        f"Model SmolLM2-135M-Instruct Q4_1, sha256 `{table.model_digest}`, served by {table.runtime};",
        f"temperature {table.temperature}, at most {table.output_tokens_max} tokens, a new seed per try, no feedback.",
        "A try passes if every visible and every sealed case gives the expected value.",
        "Bounds: Clopper-Pearson, 95 %, one-sided. The five functions of the example were chosen from about thirty",
        "functions after their first 40 tries. These tries are counted. Not all thirty functions are listed here, and",
        "the bounds do not correct for this selection.",
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
        f"Two employees work in turn. Each task has at most **{table.attempts_max} attempts**, and a cheater may waste",
        f"{CHEATED_ATTEMPTS_MAX} of them. The probability that all five tasks are verified is above",
        f"{table.all_verified_at_least:.5f} (from the lower bounds). The probability that no attempt is rejected is",
        f"below {table.no_rejection_at_most:.5f} (from the upper bounds).",
        "",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Read the table, compute the odds and write both files."""
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
