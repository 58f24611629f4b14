"""A verdict as workflow commands of GitHub Actions: lines that become annotations of a pull request."""

from collections.abc import Iterable

from director.reports.places import Places
from director.reports.remarks import line_of, remarks_of
from director.reports.verdict_view import VerdictView
from director.terminal.escape import visible

COMMANDS = {"error": "error", "note": "notice"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def workflow_commands(view: VerdictView, places: Places) -> str:
    """Return one command for each remark, and one for the verdict. No line begins with text from the judged tree."""
    lines = [
        command(
            COMMANDS[remark.level],
            remark.text or remark.title,
            file=remark.file,
            line=remark.line,
            title=f"aura judge: {remark.title}",
        )
        for remark in remarks_of(view, places)
    ]
    level = "notice" if view.verdict.verified else "error"
    return "\n".join([*lines, command(level, line_of(view), title="aura judge")])


def command(name: str, text: str, **properties: object) -> str:
    """Return one workflow command. Properties that are None are left out."""
    named = (f"{key}={_escaped(str(value), _PROPERTY)}" for key, value in properties.items() if value is not None)
    return f"::{name} {','.join(named)}::{_escaped(text, _DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(sign, sign) for sign in visible(text))


def error_commands(problems: Iterable[tuple[str, str, int | None]]) -> str:
    """Return one command for each problem that prevents a verdict, with the problem's text, file and line."""
    return "\n".join(
        command("error", text, file=file or None, line=line, title="aura judge: no verdict")
        for text, file, line in problems
    )
