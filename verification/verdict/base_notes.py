"""Notes about the base, for verdicts, statements and approvals: which tests guard the base, and what was proved."""

import msgspec

from verification.requirements.model import BaseSuitePolicy, Requirement
from verification.verdict.model import Verdict

GATE = "base_suite"
"""The gate that counts the base's test files in its evidence."""
NOTHING_NEW = "nothing new was proved"
SHOWN_MAX = 20  # maximum number of tests that the lines name


class AllowedChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A test of the base that may fail from now on, and the test that replaces it, if there is one."""

    test: str
    replaced_by: str | None = None


class BaseNotes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The requirement's settings about its base, the number of the base's test files, and how many of them ran."""

    files: int = 0
    files_ran: int = 0
    refactor: bool = False
    may_change: tuple[AllowedChange, ...] = ()
    holds_already: tuple[str, ...] = ()  # ids of criteria
    base_suite: BaseSuitePolicy = BaseSuitePolicy()

    @property
    def short(self) -> str:
        """A summary in one line: how many test files ran, if some did not, and whether nothing new was proved."""
        parts = [f"{self.files_ran} of {self.files} test files ran"] if self.files_ran < self.files else []
        return ", ".join([*parts, *([NOTHING_NEW] if self.refactor else [])])

    @property
    def said(self) -> bool:
        """Whether there is a note to show."""
        return bool(self.short or self.lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """A sentence for each exception that the Director allowed."""
        lines = [f"{NOTHING_NEW}: the requirement says `refactor: true`"] if self.refactor else []
        if self.base_suite.run != "whole":
            lines.append(f"base_suite is `{self.base_suite.run}`: {self.base_suite.reason}")
        replaced = [each for each in self.may_change if each.replaced_by is not None]
        lines += [f"{each.test} may change, replaced by {_replacing(each)}" for each in replaced[:SHOWN_MAX]]
        lost = [each.test for each in self.may_change if each.replaced_by is None]
        lines += [f"{test} may change and is no longer guarded" for test in lost[:SHOWN_MAX]]
        more = len(replaced[SHOWN_MAX:]) + len(lost[SHOWN_MAX:])
        lines += [f"{more} more tests may change"] if more else []
        lines += [f"holds on the base already: {', '.join(self.holds_already)}"] if self.holds_already else []
        return tuple(lines)


def _replacing(change: AllowedChange) -> str | None:
    """Return the name of the test that replaces another test.

    A test that was rewritten under the same name replaces itself.
    """
    return "its new version" if change.replaced_by == change.test else change.replaced_by


NONE = BaseNotes()


def base_notes(verdict: Verdict, requirement: Requirement) -> BaseNotes:
    """Return the notes about the base, to show with this verdict; NONE without a base."""
    evidence = next((gate.evidence for gate in verdict.gates if gate.gate == GATE), {})
    files, ran = evidence.get("files"), evidence.get("files_ran")
    counted = isinstance(files, int) and isinstance(ran, int)
    if requirement.base is None and not counted:
        return NONE
    allowed, judged = allowed_by(requirement), {each.id for each in verdict.criteria}
    return msgspec.structs.replace(
        allowed,
        files=files if isinstance(files, int) and counted else 0,
        files_ran=ran if isinstance(ran, int) and counted else 0,
        holds_already=tuple(name for name in allowed.holds_already if name in judged),
    )


def allowed_by(requirement: Requirement) -> BaseNotes:
    """Return notes about the exceptions that a requirement allows on its base, before there is a verdict."""
    return BaseNotes(
        refactor=requirement.refactor,
        may_change=tuple(
            AllowedChange(test=change.test, replaced_by=change.replaced_by) for change in requirement.may_change
        ),
        holds_already=tuple(each.id for each in requirement.criteria if each.holds_already),
        base_suite=requirement.base_suite,
    )
