"""Parser of the front matter: the thing to build, the paths that may be written, and the budget."""

import re
from decimal import Decimal
from typing import Any, NamedTuple

from verification.requirements.base_keys import (
    ReadChange,
    read_base_key,
    read_base_suite,
    read_may_change,
    read_proof,
    read_refactor,
)
from verification.requirements.dependencies import read_dependencies, read_from_base
from verification.requirements.fields import Fields
from verification.requirements.model import (
    Base,
    BaseSuitePolicy,
    Budget,
    Deliverable,
    OnBudget,
    ProofPlace,
    Serve,
    SuiteLimits,
)
from verification.requirements.placeholders import names_in
from verification.requirements.problems import ProblemList, listed
from verification.requirements.routing_keys import read_skill, read_usd, read_value
from verification.requirements.scope import pattern_fault
from verification.requirements.yaml_tree import Mapping, Node, Scalar

TITLE_CHARS_MAX = 200
SCOPE_PATTERNS_MAX = 64  # in one list
TOKENS_MAX = 10**12
RUN_CHARS_MAX = 4000  # in the command line of a service
MINUTES_MAX = 60 * 24 * 365

EXAMPLES = {
    "aura": "1",
    "title": "Slug maker",
    "deliver": "library",
    "command": '"slugify = slugify:main"',
    "serve": '{run: ["python3", "-m", "notes"], ready: "GET /health", data: /data}',
    "language": "python",
    "base": "{repo: ../site, ref: main}",
    "base_suite": '{run: partial, reason: "the tests below tests/server need a database"}',
    "suite_limits": "{minutes: 15, memory_mb: 2048, processes: 128, files: 40000}",
    "may_change": '[{test: "tests/test_it.py::test_old", replaced_by: "tests/test_it.py::test_new"}]',
    "refactor": "true",
    "proof": "notes",
    "scope": '["slugify.py", "tests/**"]',
    "budget": '{usd: "1.00", tokens: 100000, minutes: 20}',
    "dependencies": '["python-slugify==8.0.4"]',
    "review": "required",
    "skill": "{size: large, risk: high}",
    "value_usd": '"0.50"',
    "tasks": '[{id: T1, criteria: [A1], scope: ["slugify.py"], after: []}]',
}
DELIVERABLES: dict[str, Deliverable] = {"library": "library", "cli": "cli", "http": "http"}
SERVE = {"run": '["python3", "-m", "notes"]', "ready": "GET /health", "data": "/data"}
_READY = re.compile(r"GET (/[!-~]*)")
_DATA = re.compile(r"(/[A-Za-z0-9_-]{1,40}){1,4}", re.ASCII)
_TAKEN = re.compile(r"/(aura|bin|boot|dev|etc|home|lib\w*|opt|proc|root|run|sbin|sys|tmp|usr|work)(/.*)?")
SUITE_LIMITS = {"minutes": "15", "memory_mb": "2048", "processes": "128", "files": "40000"}
SUITE_MINUTES_MAX = 60
SUITE_CAPS = {"memory_mb": (64, 16_384), "processes": (8, 1024), "files": (256, 200_000)}
BUDGET = {"usd": '"1.00"', "tokens": "100000", "minutes": "20", "task_usd_max": '"0.50"', "on_budget": "ask"}
ON_BUDGET: dict[str, OnBudget] = {"end": "end", "ask": "ask"}
COMMAND = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) *= *([A-Za-z_][\w.]*):([A-Za-z_]\w*)", re.ASCII)


class FrontMatter(NamedTuple):
    """The parsed front matter. A field that could not be read is None, and the report contains the reason."""

    title: str | None
    deliver: Deliverable | None
    command: str | None
    serve: Serve | None
    language: str
    base: Base | None
    base_suite: BaseSuitePolicy
    suite_limits: SuiteLimits
    may_change: tuple[ReadChange, ...]
    refactor: bool
    proof: ProofPlace
    scope: tuple[str, ...]
    budget: Budget | None
    dependencies: tuple[str, ...]
    from_base: bool
    tasks: Node | None
    review: bool
    skill: dict[str, str]
    value_usd: Decimal | None


def read_front_matter(node: Mapping, report: ProblemList) -> FrontMatter:
    """Read every field, so that the report contains all problems."""
    fields = Fields(node, report, EXAMPLES, "the front matter")
    _version(fields)
    title = fields.text("title", required=True)
    if title is not None and (len(title) > TITLE_CHARS_MAX or not title.isprintable()):
        message = f"`title` must be one line of at most {TITLE_CHARS_MAX} characters"
        report.add(fields.get("title") or node, message, fields.line("title"))
    deliver = _deliver(fields)
    return FrontMatter(
        title=title,
        deliver=deliver,
        command=(command := _command(fields, deliver)),
        serve=_serve(fields, deliver, command_name(command)),
        language=_language(fields),
        base=read_base_key(fields),
        base_suite=read_base_suite(fields),
        suite_limits=_suite_limits(fields),
        may_change=read_may_change(fields),
        refactor=read_refactor(fields),
        proof=read_proof(fields),
        scope=read_scope(fields, required=True) or (),
        budget=_budget(fields),
        dependencies=read_dependencies(fields),
        from_base=read_from_base(fields),
        tasks=fields.get("tasks"),
        review=_reviewed(fields),
        skill=read_skill(fields),
        value_usd=read_value(fields),
    )


def command_name(command: str | None) -> str | None:
    """Return the first name of a command: `slugify` for `slugify = slugify:main`."""
    match = COMMAND.fullmatch(command) if command else None
    return match[1] if match else None


def read_scope(fields: Fields, *, required: bool = False) -> tuple[str, ...] | None:
    """Return the patterns of `scope`. Invalid patterns are reported and not returned."""
    named = fields.texts("scope", required=required)
    if named is None:
        return None
    if len(named) > SCOPE_PATTERNS_MAX:
        fields.report.add(named[SCOPE_PATTERNS_MAX][1], f"more than {SCOPE_PATTERNS_MAX} patterns", '"src/**"')
    patterns: list[str] = []
    for pattern, at in named[:SCOPE_PATTERNS_MAX]:
        if (fault := pattern_fault(pattern)) is not None:
            fields.report.add(at, f"the scope `{pattern[:60]}` {fault[0]}", fault[1])
        else:
            patterns.append(pattern)
    return tuple(patterns)


def _version(fields: Fields) -> None:
    node = fields.require("aura")
    if node is None:
        return
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, int) or isinstance(value, bool):
        fields.wrong("aura", node, "the version number of the format")
    elif value != 1:
        fields.report.add(node, f"this program does not know version {str(value)[:20]} of the format", "aura: 1")


def _deliver(fields: Fields) -> Deliverable | None:
    text = fields.text("deliver", required=True)
    at = fields.get("deliver")
    if text is None or at is None:
        return None
    if text not in DELIVERABLES:
        remedy = "deliver: library, deliver: cli or deliver: http"
        fields.report.add(at, f"`{text[:60]}` cannot be delivered", remedy)
    return DELIVERABLES.get(text)


def _command(fields: Fields, deliver: Deliverable | None) -> str | None:
    command = fields.text("command", required=deliver == "cli")
    if command is not None and command_name(command) is None:
        at = fields.get("command") or fields.node
        fields.report.add(
            at, f"`command` must have the form `name = module:function`, not `{command[:60]}`", fields.line("command")
        )
        return None
    return command


def _serve(fields: Fields, deliver: Deliverable | None, command: str | None) -> Serve | None:
    """Return the settings to start the service. They are required with `deliver: http`, and forbidden otherwise."""
    node = fields.mapping("serve", required=deliver == "http")
    if node is None:
        return None
    report = fields.report
    if deliver not in ("http", None):
        report.add(node, "`serve` is allowed only with `deliver: http`", "deliver: http, or no `serve`")
    inner = Fields(node, report, SERVE, "`serve`")
    words = inner.texts("run", required=True) or ()
    programs = ("python3", "python", *([command] if command else []))
    if words and words[0][0] not in programs:
        message = f"the service cannot start with the program `{words[0][0][:60]}`"
        report.add(words[0][1], message, f"one of {listed(programs)}, or declare the program with `command`")
    ready = inner.text("ready", required=True)
    if ready is not None and not _READY.fullmatch(ready):
        report.add(
            inner.get("ready") or node, f"`ready` must be GET and a path, not `{ready[:60]}`", inner.line("ready")
        )
    data = inner.text("data")
    if data is not None and (not _DATA.fullmatch(data) or _TAKEN.fullmatch(data)):
        message = f"`{data[:60]}` cannot be the data folder: it must be an absolute path, and not a system folder"
        report.add(inner.get("data") or node, message, inner.line("data"))
    _check_run(inner, words, data)
    return Serve(run=tuple(text for text, _ in words), ready=(ready or "GET /").removeprefix("GET "), data=data)


def _check_run(inner: Fields, words: tuple[tuple[str, Node], ...], data: str | None) -> None:
    """Report each unknown `${name}` in the service's command line."""
    if sum(len(text) for text, _ in words) > RUN_CHARS_MAX:
        inner.report.add(words[0][1], f"`run` is longer than {RUN_CHARS_MAX} characters", "a shorter command line")
    names = ("PORT", "DATA") if data is not None else ("PORT",)
    for text, at in words:
        for name in names_in(text):
            if name not in names:
                told = listed([f"${{{each}}}" for each in names])
                inner.report.add(at, f"`${{{name[:40]}}}` is not known here", f"{told}, or the value itself")


def _language(fields: Fields) -> str:
    language = fields.text("language") or "python"
    at = fields.get("language")
    if at is not None and language != "python":
        fields.report.add(at, f"`language: {language[:60]}` is not yet supported", "language: python")
    return language


def _reviewed(fields: Fields) -> bool:
    text = fields.text("review") or "none"
    at = fields.get("review")
    if at is not None and text not in ("required", "none"):
        fields.report.add(at, f"`review` must be `required` or `none`, not `{text[:60]}`", "review: required")
    return text == "required"


def _suite_limits(fields: Fields) -> SuiteLimits:
    """Return the limits of one run of a suite. Each limit must be within the judge's bounds."""
    node = fields.mapping("suite_limits")
    if node is None:
        return SuiteLimits()
    inner = Fields(node, fields.report, SUITE_LIMITS, "`suite_limits`")
    minutes = inner.number("minutes", 0.1, SUITE_MINUTES_MAX)
    return SuiteLimits(
        minutes=None if minutes is None else float(minutes),
        **{
            name: None if (value := inner.number(name, low, high, whole=True)) is None else int(value)
            for name, (low, high) in SUITE_CAPS.items()
        },
    )


def _budget(fields: Fields) -> Budget | None:
    node = fields.mapping("budget", required=True)
    if node is None:
        return None
    inner = Fields(node, fields.report, BUDGET, "`budget`")
    usd = read_usd(inner, "usd", required=True)
    task_usd_max = read_usd(inner, "task_usd_max")
    on_budget = inner.text("on_budget") or "end"
    if on_budget not in ON_BUDGET:
        inner.wrong("on_budget", inner.get("on_budget") or node, "`end` or `ask`")
    caps: dict[str, Any] = {}
    for name, most in (("tokens", TOKENS_MAX), ("minutes", MINUTES_MAX)):
        if inner.require(name) is not None and (cap := inner.number(name, 0, most, whole=True)) is not None:
            caps[name] = int(cap)
    if usd is None or len(caps) < 2:
        return None
    return Budget(usd=usd, **caps, task_usd_max=task_usd_max, on_budget=ON_BUDGET.get(on_budget, "end"))
