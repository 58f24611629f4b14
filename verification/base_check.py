"""Check of a requirement on its base, before anybody works: the base's tests and every criterion run in sandboxes.

A problem found here would otherwise end a run after its work. The outcomes are stored and used again by every verdict.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from domain.errors import Invalid
from domain.tree import Tree
from verification.gates.base import Origin, Subject
from verification.gates.base_problems import BaseProblem, disagreements
from verification.gates.base_suite import base_problems, own_suite
from verification.gates.on_base import seed_of, standings_on_base
from verification.judge import probed, project_of
from verification.requirements.model import Requirement, modules_named
from verification.sandbox.base import Sandbox
from verification.suites.base_suite import test_files_of
from verification.suites.outcome_store import OutcomeStore

Say = Callable[[str], None]


class BaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a check on the base.

    `files`: number of test files, 0 if not run. `held`: criteria that already hold.
    """

    problems: tuple[BaseProblem, ...] = ()
    files: int = 0
    files_ran: int = 0
    held: tuple[str, ...] = ()


class BaseDisagrees(Invalid):
    """The requirement makes a statement about its base that is not true. `problems` is never empty."""

    def __init__(self, problems: tuple[BaseProblem, ...], commit: str) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"- {problem}" for problem in problems)
        message = f"{count} between the requirement and its base {commit[:12]}; no work has started:"
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
    """Try a requirement on its base.

    Raises Unavailable without a sandbox, Refused if the machine cannot enforce a limit.
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
    say(f"Each of {count} criteria is tried on the base: it must fail, unless the requirement says that it holds.")
    standings = await standings_on_base(subject)
    return BaseReport(
        problems=(*problems, *disagreements(requirement, requirement.criteria, standings)),
        files=files,
        files_ran=files_ran,
        held=tuple(name for name, on_base in standings.items() if on_base.standing == "holds"),
    )


async def _own_tests(subject: Subject, say: Say) -> tuple[int, int, list[BaseProblem]]:
    """Return the number of the base's test files, how many of them ran, and the problems with them."""
    suite = own_suite(subject)
    files = test_files_of(subject.origin.files, suite.options)
    if subject.requirement.base_suite.run == "none" or not files:
        return 0, 0, []
    if suite.kept() is None:
        say(f"The base's own tests run once ({len(files)} files). Their outcome is stored for every verdict.")
    before = await suite.on_base()
    return len(before.files), len(before.ran), base_problems(before, subject)
