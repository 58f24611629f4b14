"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; everything else goes to stderr.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: it goes on the record with your name.")]
Degraded = Annotated[
    bool, typer.Option("--allow-degraded", help="Judge also where this machine cannot hold every limit of the box.")
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Also write it as one page that needs nothing else.")
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, the beginning of it, or `last`.")]
