"""The door of `aura judge`: an answer in one of several forms, and why there is none in the same form."""

from typing import Any, NoReturn

from director.reports.workflow_commands import error_commands
from director.terminal.output import Door
from domain.errors import AuraError, Invalid
from verification.requirements.problems import RequirementInvalid


class WorkflowDoor(Door):
    """A door that also says as workflow commands why there is no verdict."""

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        if error.code != "rejected":  # a rejection has been said, finding by finding
            self.say(error_commands(_problems(error)))
        super().fail(error, data)


def _problems(error: AuraError) -> list[tuple[str, str, int | None]]:
    if isinstance(error, RequirementInvalid):
        return [(f"{each.message}. Write: {each.remedy}", each.file, each.line) for each in error.problems]
    return [(f"{error.message} {error.hint}".strip(), "", None)]


def judge_door(form: str, *, as_json: bool) -> Door:
    """The door for one form of the answer. Two forms at once are refused."""
    if as_json and form not in ("text", "json"):
        Door("judge", as_json).fail(
            Invalid(f"--json and --format {form} are two forms of one answer.", hint="Leave one of them out.")
        )
    kind = WorkflowDoor if form == "github" else Door
    return kind("judge", as_json or form == "json")
