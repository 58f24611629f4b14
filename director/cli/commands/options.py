"""Options that several commands share."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import Invalid

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; all other text goes to stderr.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason. It is recorded with your name.")]
Degraded = Annotated[
    bool, typer.Option("--allow-degraded", help="Judge even if this machine cannot hold every limit of the sandbox.")
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Also write the result as one self-contained HTML page.")
]
ShareSecrets = Annotated[
    str,
    typer.Option(
        "--share-secrets",
        metavar="REASON",
        help="Let employees and their providers read the secrets in the base's files. The reason is recorded.",
    ),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, the beginning of it, or `last`.")]


def dollars(text: str, example: str, *, above_zero: bool = False) -> Decimal:
    """Return an amount of dollars in the text of an option. `example`: the option with an amount. Raises Invalid."""
    try:
        amount = Decimal(text)
        if amount.is_finite() and (amount > 0 if above_zero else amount >= 0):
            return amount
    except InvalidOperation:
        pass
    more = " above 0" if above_zero else ""
    raise Invalid(f"{text!r} is not an amount of dollars{more}.", hint=f"Write it like this: {example}")
