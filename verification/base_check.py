"""Check of a requirement against its base before an employee works. The base's tests and all criteria run in sandboxes.

Without this check, a false statement about the base would end the run only after the work. The outcomes are stored,
and every verdict uses them again.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from domain.errors import Invalid
from domain.tree import Tree
from domain.wording import counted
from verification.gates.base import Origin, Subject
from verification.gates.base_problems import BaseProblem, disagreements
from verification.gates.base_suite import base_problems, own_suite
from verification.gates.on_base import seed_of, standings_on_base
from verification.judge import project_of
from verification.requirements.model import Requirement, modules_named
from verification.sandbox.acceptance import probed
from verification.sandbox.base import Sandbox
from verification.suites.base_suite import test_files_of
from verification.suites.outcome_store import OutcomeStore

Say = Callable[[str], None]


class BaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a check on the base.

    `files` is the number of the base's test files, or 0 if its tests did not run. `files_ran` is the number of files
    that ran. `held` names the criteria that already hold on the base.
    """

    problems: tuple[BaseProblem, ...] = ()
    files: int = 0
    files_ran: int = 0
    held: tuple[str, ...] = ()


class BaseDisagrees(Invalid):
    """Error raised when the requirement makes a false statement about its base. `problems` has at least one entry."""

    def __init__(self, problems: tuple[BaseProblem, ...], commit: str) -> None:
        count = counted(len(problems), "problem")
        lines = "\n".join(f"- {problem}" for problem in problems)
        message = f"The requirement does not agree with its base {commit[:12]} ({count}). No work has started:"
        super().__init__(message, hint=lines, code="base_disagrees")
        self.problems = problems

    @property
    def data(self) -> object:
        return {"problems": self.problems}


async def check_on_base(
    requirement: Requirement,
    origin: Origin,
    *,
    sandbox: Sandbox,
    libraries: Path | None = None,
    allow_degraded: bool = False,
    say: Say = lambda _: None,
) -> BaseReport:
    """Check the requirement's statements about its base by runs in sandboxes.

    Raises Unavailable if there is no sandbox, and Refused if the machine cannot enforce a limit.
    """
    held = await probed(sandbox, allow_degraded=allow_degraded)
    base = Tree.of(origin.files)
    named = modules_named(requirement.criteria, requirement.scope)
    subject = Subject(
        requirement=requirement,
        tree=base,
        base=base,
        changed=(),
        criteria=requirement.criteria,
        earlier=(),
        scope=requirement.scope,
        whole=True,
        project=project_of(requirement, base, origin, libraries, named),
        sandbox=sandbox,
        origin=origin,
        outcomes=OutcomeStore(origin.outcomes, held.image),
        seed=seed_of(requirement),
    )
    files, files_ran, problems = await _own_tests(subject, say)
    count = len(requirement.criteria)
    say(
        f"{counted(count, 'criterion runs', 'criteria run')} on the base. "
        "Each must fail there, unless the requirement says that it already holds."
    )
    standings = await standings_on_base(subject)
    return BaseReport(
        problems=(*problems, *disagreements(requirement, requirement.criteria, standings)),
        files=files,
        files_ran=files_ran,
        held=tuple(name for name, on_base in standings.items() if on_base.standing == "holds"),
    )


async def _own_tests(subject: Subject, say: Say) -> tuple[int, int, list[BaseProblem]]:
    """Return the number of the base's test files, the number of files that ran, and the problems of these tests."""
    suite = own_suite(subject)
    files = test_files_of(subject.origin.files, suite.options)
    if subject.requirement.base_suite.run == "none" or not files:
        return 0, 0, []
    if suite.kept() is None:
        say(f"The base's own tests run once ({counted(len(files), 'file')}). Every verdict uses the stored outcome.")
    before = await suite.on_base()
    return len(before.files), len(before.ran), base_problems(before, subject)
