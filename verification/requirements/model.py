"""The data structures of a requirement. `requirements/parser.py` makes them from NAME.md and NAME.sealed.yaml.

The values in a case (`args`, `returns`, …) are JSON-like and equal the values in the file. A mapping with exactly one
key is a tagged value if the key begins with `$`; `verification/requirements/values.py` defines the meaning of the tags.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from verification.requirements.property_model import Property

Deliverable = Literal["library", "cli", "http"]
OnBudget = Literal["end", "ask"]
Share = Literal["whole", "partial", "none"]


class Serve(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings to start a service. `run` may contain ${PORT} and ${DATA}. The folder `data` survives a restart."""

    run: tuple[str, ...]
    ready: str  # a path such as "/health"; the service is ready when the path answers with a status of 200 to 299
    data: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The expected response. Absent fields are not compared. Without `status`, the status must be 200 to 299."""

    status: int | None = None
    headers: Mapping[str, Any] = {}  # name in lower case -> text or $matches
    body: Any = msgspec.UNSET
    body_contains: str | None = None
    approx: float | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, sent `parallel` times at the same time. Texts may contain ${name}: a value that a step saved."""

    method: str
    target: str  # "/items?sort=name"
    headers: tuple[tuple[str, str], ...] = ()
    json: Any = msgspec.UNSET
    send: Any = None  # a body that is not JSON: text or $bytes
    parallel: int = 1
    save: Mapping[str, str] = {}  # name -> "body.id", "headers.location" or "status"
    reply: Reply = Reply()


class Expectation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The expected result of one call, construction or run. Absent fields are not compared, except `exit` of a run.

    A call without `returns` and without `raises` must end without an exception.
    """

    returns: Any = msgspec.UNSET
    raises: str | None = None
    or_subclass: bool = False
    message_matches: str | None = None
    approx: float | None = None  # maximum absolute difference of floats
    exact_type: bool = False  # true: a value with an instance of a subclass anywhere in it does not match
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
    bind: str | None = None  # the name from the key `as`; later steps use it as $name
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    argv: tuple[str, ...] = ()  # only for the action `run`
    stdin: str | None = None
    env: Mapping[str, str] = {}
    files_before: Mapping[str, str] = {}
    request: Request | None = None  # only for the action `request`
    expect: Expectation = Expectation()


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case. All its steps run in one new sandbox. A case without `steps:` in the file has exactly one step."""

    steps: tuple[Step, ...]
    line: int  # the line of the case in the file, for findings about visible cases
    within_s: float = 10.0
    memory_mb: int = 512

    @property
    def asks_service(self) -> bool:
        """Whether the steps are requests to the service or restarts. No case mixes such steps with other steps."""
        return any(step.action in ("request", "restart") for step in self.steps)


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A given pytest suite. `path`: the file or folder that the requirement names. `files`: path -> content."""

    path: str
    files: Mapping[str, bytes]


class BaseTestChange(msgspec.Struct, frozen=True, kw_only=True):
    """Test files that replace or extend the test files of the base, and the pytest ids of single tests in them.

    `files`: path in the project -> content. The files come from `folder`, a folder in the requirement's folder.
    `must_pass`: tests that do not pass on the base and must pass on the tree. `keep_passing`: tests that must pass on
    both. All other tests of these files that pass on the base must also pass on the tree.
    """

    files: Mapping[str, bytes]
    must_pass: tuple[str, ...] = ()
    keep_passing: tuple[str, ...] = ()
    folder: str = ""


class MayChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The pytest ids of a test of the base that may fail from now on, and of the test that replaces it, if any."""

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
    holds_already: bool = False  # true: the author intends that the base already meets this criterion

    @property
    def changes(self) -> tuple[tuple[bool, BaseTestChange], ...]:
        """The changed test files, as pairs (is sealed, files)."""
        both = ((False, self.over_base), (True, self.sealed_over_base))
        return tuple((sealed, change) for sealed, change in both if change is not None)

    @property
    def judged_outside(self) -> bool:
        """Whether cases or properties, and not only a given suite, judge this criterion."""
        return bool(self.cases or self.sealed or self.properties or self.sealed_properties)

    @property
    def suites(self) -> tuple[tuple[bool, Suite], ...]:
        """The given suites, as pairs (is sealed, suite)."""
        both = ((False, self.suite), (True, self.sealed_suite))
        return tuple((sealed, suite) for sealed, suite in both if suite is not None)


def modules_named(criteria: Iterable[Criterion], scope: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the top-level modules that the criteria call or that are in the scope."""
    asked = list(criteria)
    steps = [step for each in asked for case in (*each.cases, *each.sealed) for step in case.steps]
    targets = [step.target for step in steps if ":" in step.target]
    targets += [one.call for each in asked for one in (*each.properties, *each.sealed_properties)]
    paths = [target.partition(":")[0].replace(".", "/") for target in targets]
    paths += [pattern.removeprefix("src/") for pattern in scope]
    names = {path.partition("/")[0].removesuffix(".py") for path in paths}
    return tuple(sorted(name for name in names if name.isidentifier()))


class RequirementTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the requirement: the criteria that it must meet, and the paths that it may write.

    `skill`: parts of its skill, for routing. `value_usd`: the value of the verified task, if the requirement states it.
    `usd_max`, `tokens_max`: its own budget within that of the run; None: no limit of its own.
    """

    id: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[str, ...] = ()
    skill: Mapping[str, str] = {}
    value_usd: Decimal | None = None
    usd_max: Decimal | None = None
    tokens_max: int | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Upper limits of one run. 0 means "stop"; it never means "no limit".

    `task_usd_max`: the limit of each task that states none. `on_budget`: what a run does when its budget is used up.
    """

    usd: Decimal
    tokens: int
    minutes: int
    task_usd_max: Decimal | None = None
    on_budget: OnBudget = "end"


ProofPlace = Literal["notes", "folder", "branch"]
"""Where a delivery on a base stores its proof: verdict, statement, key, acceptance tests and prose."""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The commit to start from. `repo` is a path, absolute or relative to the requirement file."""

    repo: str
    ref: str = "main"


class BaseSuitePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The share of the base's own tests that must run. If it is not `whole`, every verdict shows the reason."""

    run: Share = "whole"
    reason: str = ""


class SuiteLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits of one run of a test suite. None means the judge's default limit."""

    minutes: float | None = None
    memory_mb: int | None = None
    processes: int | None = None
    files: int | None = None  # number of files in all writable folders together


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A complete, valid requirement. Ids are unique, the tasks cover all criteria, and `after` contains no cycle."""

    title: str
    deliver: Deliverable
    language: str
    scope: tuple[str, ...]
    budget: Budget
    criteria: tuple[Criterion, ...]
    tasks: tuple[RequirementTask, ...]
    prose: str  # the markdown without front matter and without acceptance blocks
    source: bytes  # the content of NAME.md
    sealed_source: bytes | None = None  # the content of NAME.sealed.yaml
    command: str | None = None  # "name = module:function"; required for `deliver: cli` and for cases with `run`
    serve: Serve | None = None  # required for `deliver: http`
    base: Base | None = None
    base_suite: BaseSuitePolicy = BaseSuitePolicy()
    suite_limits: SuiteLimits = SuiteLimits()
    may_change: tuple[MayChange, ...] = ()
    refactor: bool = False  # the run proves nothing new: every criterion already holds on the base
    proof: ProofPlace = "notes"  # only for a delivery on a base
    fixtures: Mapping[str, bytes] = {}  # the files that visible cases and suites name
    review: bool = False  # true: before the merge, an employee with a model of another maker reviews the work
    sealed_fixtures: Mapping[str, bytes] = {}  # the files that sealed cases and suites name; no employee sees them
    dependencies: tuple[str, ...] = ()  # "python-slugify==8.0.4": exact pins
    from_base: bool = False  # use the packages that the base declares, instead of pins
    lock: bytes | None = None  # the resolved versions and the hashes of the pins and of their dependencies
    described: str = ""  # the version from the base's git tags
    generated: Mapping[str, bytes] = {}  # files that the base's build makes, by path in the project
    skill: Mapping[str, str] = {}  # parts of the skill that each task needs
    value_usd: Decimal | None = None  # the value of each verified task

    def may_hold(self, criterion: Criterion) -> bool:
        """Return whether the requirement allows that the base already meets this criterion."""
        return self.refactor or criterion.holds_already
