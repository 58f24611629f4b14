"""`aura judge` on the command line: the verdict in one of several formats, and errors in the same format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from director.cli.output import Door
from director.cli.written_file import write_file
from director.reports.junit import junit_xml
from director.reports.places import Places
from director.reports.sarif import sarif_json
from director.reports.verdict_html import verdict_page
from director.reports.verdict_text import verdict_text
from director.reports.verdict_view import VerdictView
from director.reports.workflow_commands import error_commands, workflow_commands
from director.terminal.escape import visible
from domain.errors import AuraError, Failed, Invalid
from verification.requirements.problems import RequirementInvalid

if TYPE_CHECKING:
    from director.services.judge import JudgeRequest
    from director.settings import Settings

FORMATS: dict[str, Callable[[VerdictView, Places], str]] = {
    "junit": junit_xml,
    "sarif": sarif_json,
    "github": workflow_commands,
}
"""Formats of the answer for CI systems. They contain only text that the author of the judged code may see."""


@dataclass(frozen=True, kw_only=True)
class JudgeOutput:
    """The outputs of a verdict. `format`: a key of FORMATS, else text or JSON. `html`, `attest`: files to write."""

    format: str = "text"
    html: Path | None = None
    attest: Path | None = None


class WorkflowDoor(Door):
    """A door that, without a verdict, also prints the reason as workflow commands of GitHub."""

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        if error.code != "rejected":  # the findings of a rejection are printed already
            self.say(error_commands(_problems(error)))
        super().fail(error, data)


def _problems(error: AuraError) -> list[tuple[str, str, int | None]]:
    if isinstance(error, RequirementInvalid):
        return [(f"{each.message}. Write: {each.remedy}", each.file, each.line) for each in error.problems]
    return [(str(error), "", None)]


def judge_door(form: str, *, as_json: bool) -> Door:
    """Return the door for one format of the answer. A request for two formats is refused."""
    if as_json and form not in ("text", "json"):
        Door("judge", as_json).fail(
            Invalid(f"--json and --format {form} ask for two formats of one answer.", hint="Leave one of them out.")
        )
    kind = WorkflowDoor if form == "github" else Door
    return kind("judge", as_json or form == "json")


async def judge_and_show(request: "JudgeRequest", settings: "Settings", door: Door, output: JudgeOutput) -> None:
    """Judge, write the requested files, and print the answer. Exits with status 1 for a rejection."""
    from director.services.judge import judge_source

    judged = await judge_source(request, settings, lambda text: door.note(visible(text)))
    if output.attest is not None and judged.statement is not None:
        write_file(output.attest, judged.statement)
    if output.html is not None:
        write_file(output.html, verdict_page(judged.view).encode())
    answer(judged.view, door, output.format)


def answer(view: VerdictView, door: Door, form: str = "text") -> None:
    """Print a verdict in one format. Exits with status 1 for a rejection."""
    if view.degraded and (door.as_json or form in FORMATS):  # the text for people has this sentence
        door.note(view.degraded)
    text = FORMATS[form](view, view.places) if form in FORMATS else verdict_text(view)
    door.answer(view.data(), text, rejection(view))


def rejection(view: VerdictView) -> Failed | None:
    """Return the error of a rejected tree; None for a verified one."""
    if view.verdict.verified:
        return None
    kinds = ", ".join(dict.fromkeys(finding.kind for finding in view.verdict.findings))
    hint = "Each reason is shown with its place and the next step."
    return Failed(f"Rejected: {kinds or 'some cases did not run'}.", hint=hint, code="rejected")
