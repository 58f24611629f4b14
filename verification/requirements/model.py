"""A requirement as values. `verification/requirements/parser.py` makes it from NAME.md and NAME.sealed.yaml.

Values in a case (`args`, `returns`, …) stay as written in the file: JSON-like values. A mapping with one key that
begins with `$` is a tagged value; `verification/requirements/values.py` defines its meaning.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from verification.requirements.property_model import Property

Deliverable = Literal["library", "cli", "http"]
Share = Literal["whole", "partial", "none"]


class Serve(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Start of a service. `run` may contain ${PORT} and ${DATA}. `data` is the folder that survives a restart."""

    run: tuple[str, ...]
    ready: str  # "/health": answers with a status of 200 to 299 when the service is ready
    data: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Expectation of one response. Absent fields are not compared. Without `status` it must be 200 to 299."""

    status: int | None = None
    headers: Mapping[str, Any] = {}  # name in lower case -> text or $matches
    body: Any = msgspec.UNSET
    body_contains: str | None = None
    approx: float | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, sent `parallel` times at once. Texts and values may contain ${name}, which an earlier step saved."""

    method: str
    target: str  # "/items?sort=name"
    headers: tuple[tuple[str, str], ...] = ()
    json: Any = msgspec.UNSET
    send: Any = None  # a body that is not JSON: text or $bytes
    parallel: int = 1
    save: Mapping[str, str] = {}  # name -> "body.id", "headers.location" or "status"
    reply: Reply = Reply()


class Expectation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Expectation of one call, construction or run. Absent fields are not compared, except `exit` of `run`.

    A call without `returns` and without `raises` must end without an exception.
    """

    returns: Any = msgspec.UNSET
    raises: str | None = None
    or_subclass: bool = False
    message_matches: str | None = None
    approx: float | None = None  # maximum absolute difference of floats
    exact_type: bool = False  # then an instance of a subclass, anywhere in the value, is a different value
    exit: int = 0
    stdout: str | None = None
    stdout_matches: str | None = None
    stderr: str | None = None
    files_after: Mapping[str, str | None] = {}  # path -> required text; None: the file must exist
    files_unchanged: tuple[str, ...] = ()
    files_absent: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action: call a function or method, construct an object, run the command, or ask or restart the service."""

    action: Literal["call", "new", "run", "request", "restart"]
    target: str = ""  # "module:function", "$name.method" or "module:Class"
    bind: str | None = None  # `as:` the name that later steps use as $name
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    argv: tuple[str, ...] = ()  # of run
    stdin: str | None = None
    env: Mapping[str, str] = {}
    files_before: Mapping[str, str] = {}
    request: Request | None = None  # of action request
    expect: Expectation = Expectation()


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case: its steps share one new sandbox. A case without `steps:` in the file has exactly one step."""

    steps: tuple[Step, ...]
    line: int  # its place, for findings about visible cases
    within_s: float = 10.0
    memory_mb: int = 512

    @property
    def asks_service(self) -> bool:
        """Whether its steps send requests to the service. In one case, either all steps do or none."""
        return any(step.action in ("request", "restart") for step in self.steps)


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A given pytest suite: the file or folder that the requirement names, and its files by path."""

    path: str
    files: Mapping[str, bytes]


class BaseTestChange(msgspec.Struct, frozen=True, kw_only=True):
    """Test files that replace or extend the base's own, and single tests in them by pytest's ids.

    `files`: path in the project -> content, read from `folder` beside the requirement.
    `must_pass`: tests that do not pass on the base and must pass on the tree. `keep_passing`: tests that pass on both.
    Other tests of these files that pass on the base must also pass on the tree.
    """

    files: Mapping[str, bytes]
    must_pass: tuple[str, ...] = ()
    keep_passing: tuple[str, ...] = ()
    folder: str = ""


class MayChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A test of the base that need not pass any more, and the test that replaces it, if any. Both are pytest's ids."""

    test: str
    replaced_by: str | None = None


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """One acceptance criterion. Its `sealed` parts are in NAME.sealed.yaml under the same id."""

    id: str
    says: str
    cases: tuple[Case, ...]
    sealed: tuple[Case, ...] = ()
    properties: tuple[Property, ...] = ()
    sealed_properties: tuple[Property, ...] = ()
    suite: Suite | None = None
    sealed_suite: Suite | None = None
    over_base: BaseTestChange | None = None
    sealed_over_base: BaseTestChange | None = None
    holds_already: bool = False  # the base already meets it, and this is intended

    @property
    def changes(self) -> tuple[tuple[bool, BaseTestChange], ...]:
        """The changed test files, each with whether they are sealed."""
        both = ((False, self.over_base), (True, self.sealed_over_base))
        return tuple((sealed, change) for sealed, change in both if change is not None)

    @property
    def judged_outside(self) -> bool:
        """Whether anything but a given suite decides if it is met."""
        return bool(self.cases or self.sealed or self.properties or self.sealed_properties)

    @property
    def suites(self) -> tuple[tuple[bool, Suite], ...]:
        """The given suites, each with whether it is sealed."""
        both = ((False, self.suite), (True, self.sealed_suite))
        return tuple((sealed, suite) for sealed, suite in both if suite is not None)


def modules_named(criteria: Iterable[Criterion], scope: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the top-level modules that criteria call or that a scope allows to write."""
    asked = list(criteria)
    steps = [step for each in asked for case in (*each.cases, *each.sealed) for step in case.steps]
    targets = [step.target for step in steps if ":" in step.target]
    targets += [one.call for each in asked for one in (*each.properties, *each.sealed_properties)]
    paths = [target.partition(":")[0].replace(".", "/") for target in targets]
    paths += [pattern.removeprefix("src/") for pattern in scope]
    names = {path.partition("/")[0].removesuffix(".py") for path in paths}
    return tuple(sorted(name for name in names if name.isidentifier()))


class RequirementTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the requirement: the criteria that it must meet, and the paths that it may write."""

    id: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[str, ...] = ()


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Caps of one run. 0 means stop, never "no limit"."""

    usd: Decimal
    tokens: int
    minutes: int


ProofPlace = Literal["notes", "folder", "branch"]
"""Place of the verdict, statement, key, acceptance tests and prose of a delivery on a base, apart from its files."""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The commit to start from. `repo` is a path, absolute or relative to the requirement file."""

    repo: str
    ref: str = "main"


class BaseSuitePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The share of the base's own tests that must run. Less than `whole` needs a reason, which every verdict shows."""

    run: Share = "whole"
    reason: str = ""


class SuiteLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits of one run of a test suite. None: the judge's own limit."""

    minutes: float | None = None
    memory_mb: int | None = None
    processes: int | None = None
    files: int | None = None  # in all writable folders together


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A whole, valid requirement: ids are unique, tasks cover all criteria, `after` has no cycle."""

    title: str
    deliver: Deliverable
    language: str
    scope: tuple[str, ...]
    budget: Budget
    criteria: tuple[Criterion, ...]
    tasks: tuple[RequirementTask, ...]
    prose: str  # the markdown without front matter and without acceptance blocks
    source: bytes  # NAME.md as read
    sealed_source: bytes | None = None  # NAME.sealed.yaml as read
    command: str | None = None  # "name = module:function": required by deliver: cli, and if a case runs the command
    serve: Serve | None = None  # required by deliver: http
    base: Base | None = None
    base_suite: BaseSuitePolicy = BaseSuitePolicy()
    suite_limits: SuiteLimits = SuiteLimits()
    may_change: tuple[MayChange, ...] = ()
    refactor: bool = False  # the run proves nothing new: every criterion already holds on the base
    proof: ProofPlace = "notes"  # of a delivery on a base
    fixtures: Mapping[str, bytes] = {}  # the files that visible cases and suites name
    review: bool = False  # before the merge, by an employee with a model of another maker
    sealed_fixtures: Mapping[str, bytes] = {}  # the files that sealed cases and suites name: never shown to an employee
    dependencies: tuple[str, ...] = ()  # "python-slugify==8.0.4": exact pins
    from_base: bool = False  # use the packages that the base declares, instead of pins
    lock: bytes | None = None  # versions and hashes of the pins and their dependencies, after they were resolved
    described: str = ""  # the version from the base's git tags
    generated: Mapping[str, bytes] = {}  # files that the base's build makes, by path in the project

    def may_hold(self, criterion: Criterion) -> bool:
        """Return whether the requirement says that the base meets this criterion."""
        return self.refactor or criterion.holds_already
