"""A rejected cheat as text: the submitted code, and the reasons in plain words."""

from collections.abc import Iterator, Mapping
from typing import Any

from director.terminal.escape import visible
from domain.wording import counted

LINES_MAX = 9
"""The maximum number of lines to show of one file."""
INDENT = "    "


def cheat_text(cheat: Mapping[str, Any]) -> str:
    """Return the submitted code and the reasons. The code is indented, so that it cannot imitate a line of Aura."""
    lines = [f"{cheat['employee']} (scripted) submitted for {cheat['task']}, attempt {cheat['attempt']}:"]
    for path, code in added_files(cheat["diff"]):
        lines.append(f"  {visible(path)}")
        lines += [f"{INDENT}{visible(line)}".rstrip() for line in code[:LINES_MAX]]
        if len(code) > LINES_MAX:
            lines.append(f"{INDENT}… {counted(len(code) - LINES_MAX, 'more line')}")
    lines.append("Refused, because")
    lines += [f"- {visible(_why(finding))}" for finding in cheat["findings"]]
    after = f"After {counted(len(cheat['strikes']), 'strike')} {cheat['employee']} was"
    if "dismissed" in cheat["strikes"]:
        lines.append(f"{after} dismissed: it gets no more work.")
    elif "suspended" in cheat["strikes"]:
        lines.append(f"{after} suspended: it gets no more work.")
    return "\n".join(lines)


def added_files(diff: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each file that a git diff changes, with the lines that it adds."""
    path, code = "", list[str]()
    for line in diff.split("\n"):
        if line.startswith("+++ "):
            if path:
                yield path, code
            path, code = line.removeprefix("+++ ").removeprefix("b/"), []
        elif line.startswith("+"):
            code.append(line[1:])
    if path:
        yield path, code


def _why(finding: Mapping[str, Any]) -> str:
    criterion = finding.get("criterion")
    if finding["kind"] == "sealed_failed":
        return f"it fails sealed cases of {criterion}, which no employee sees; it passes only the visible cases"
    where = f"{criterion}: " if criterion else ""
    return f"{where}{finding['detail']}"
