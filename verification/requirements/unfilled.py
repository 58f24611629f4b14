"""Check for template placeholders that nobody has replaced. A requirement with a placeholder cannot be submitted."""

from pathlib import Path

from verification.requirements.model import Requirement
from verification.requirements.problems import Problem, RequirementInvalid
from verification.requirements.starting_points import SAY_NEW, SAY_SERVICE, SAY_WRONG
from verification.requirements.template import NAME_FUNCTIONS, REPLACE_BASE, REPLACE_CASE, SAY_HOLDS, SAY_WHAT_FOR

PLACEHOLDERS = {
    SAY_WHAT_FOR: "what the code is for and what it must do, in your own words",
    SAY_WRONG: "what goes wrong, in your own words",
    SAY_NEW: "what is new, in your own words",
    SAY_SERVICE: "what the service does, in your own words",
    NAME_FUNCTIONS: "the names of the functions that your cases call, or remove this sentence",
    SAY_HOLDS: "one sentence that is true when the criterion is met",
    REPLACE_CASE: "your own case, without this line",
    REPLACE_BASE: "base: {repo: PATH, ref: BRANCH} of your repository, without this line",
}
"""Maps each placeholder in a template to its remedy: the text to write instead."""


def refuse_unfilled(requirement: Requirement, file: Path) -> None:
    """Raise RequirementInvalid with the place of each remaining placeholder."""
    sealed = file.with_name(f"{file.stem}.sealed.yaml")
    problems = [*placeholders_in(requirement.source, file), *placeholders_in(requirement.sealed_source or b"", sealed)]
    if problems:
        raise RequirementInvalid(problems)


def placeholders_in(source: bytes, file: Path) -> list[Problem]:
    """Return a problem for each placeholder in a file's content."""
    found = []
    for number, line in enumerate(source.decode("utf-8", "replace").split("\n"), start=1):
        for phrase, remedy in PLACEHOLDERS.items():
            column = line.find(phrase)
            if column >= 0:
                message = f"the placeholder `{phrase.rstrip('.')}` is not replaced"
                found.append(Problem(str(file), number, column + 1, message, remedy))
    return found
