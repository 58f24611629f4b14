"""The picture of README: a real terminal session. `python -m tests.architecture.picture` makes the picture.

It shows a verdict on wrong code that knows the visible case, and a verdict on right code. It needs a sandbox and no
server. Long outputs are shortened, which "…" shows.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "session.svg"
AURA = Path(sys.executable).with_name("aura")
COLUMNS = 112
WALL_S = 300.0
TITLE = "aura judge: wrong code that knows the visible case, and right code"
FILES: Mapping[str, str] = {
    "slug.md": """\
---
aura: 1
title: Slug maker
deliver: library
scope: ["slugify.py"]
budget: {usd: "1.00", tokens: 100000, minutes: 20}
---
A module `slugify` with one function, `slugify(text: str) -> str`: words are lowercased and joined by one hyphen.
A text without any word raises `ValueError`.

~~~yaml acceptance
- id: A1
  says: words are lowercased and joined by one hyphen
  cases:
    - {call: "slugify:slugify", args: ["Hello  World"], returns: "hello-world"}
- id: A2
  says: a text without words is refused
  cases:
    - {call: "slugify:slugify", args: [""], raises: ValueError, message_matches: "empty"}
~~~
""",
    "slug.sealed.yaml": """\
- id: A1
  cases:
    - {call: "slugify:slugify", args: [" Rock & Roll "], returns: "rock-roll"}
""",
    "wrong/slugify.py": """\
def slugify(text: str) -> str:
    if not text:
        raise ValueError("the text is empty")
    return {"Hello  World": "hello-world"}.get(text, text)
""",
    "right/slugify.py": """\
import re


def slugify(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.lower())
    if not words:
        raise ValueError("the text is empty")
    return "-".join(words)
""",
}


class Shown(NamedTuple):
    """One command of the session, its exit status, and the number of output lines shown from start and end."""

    command: str
    code: int
    first: int
    last: int


SESSION = (
    Shown("cat wrong/slugify.py", 0, 20, 0),
    Shown("aura judge slug.md wrong", 1, 9, 0),
    Shown("aura judge slug.md right", 0, 5, 0),
)


def played(folder: Path) -> list[tuple[Shown, str]]:
    """Run the session in a folder and return the output of each command.

    Raises AssertionError for another exit status.
    """
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    environment = {
        **os.environ,
        "COLUMNS": str(COLUMNS),
        "PATH": f"{AURA.parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    found: list[tuple[Shown, str]] = []
    for shown in SESSION:
        done = subprocess.run(
            shown.command.split(),
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WALL_S,
            check=False,
        )
        assert done.returncode == shown.code, f"{shown.command} ended with {done.returncode}: {done.stdout}"
        assert str(folder) not in done.stdout, f"{shown.command} names the folder that it ran in"
        found.append((shown, done.stdout))
    return found


def drawn(session: list[tuple[Shown, str]]) -> str:
    """Return the session as an SVG that loads no other file."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for shown, output in session:
        console.print(Text(f"$ {shown.command}", style="bold green"))
        lines = output.rstrip().splitlines()
        left_out = len(lines) - shown.first - shown.last
        if left_out > 0:
            lines[shown.first : shown.first + left_out] = [f"… ({left_out} more lines)"]
        for line in lines:
            console.print(Text(line, style=_style(line)))
        console.print()
    svg = console.export_svg(title=TITLE, unique_id="session")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def _style(line: str) -> str:
    if line.startswith("…"):
        return "dim"
    if line.startswith("Rejected"):
        return "bold red"
    return "bold cyan" if line.startswith("Verified") else ""


def main() -> None:
    """Run the session and write the picture."""
    with tempfile.TemporaryDirectory(prefix="aura-picture-") as folder:
        PICTURE.write_text(drawn(played(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
