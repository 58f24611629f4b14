"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
