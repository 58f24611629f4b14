"""The tasks of a requirement, from the key `tasks`. Without this key, each criterion gets one task, in order."""

from collections.abc import Sequence as Seq
from decimal import Decimal
from typing import NamedTuple

from verification.requirements.criteria import read_id
from verification.requirements.fields import Fields
from verification.requirements.frontmatter import EXAMPLES, TOKENS_MAX, read_scope
from verification.requirements.model import RequirementTask
from verification.requirements.problems import ProblemList, listed, similar
from verification.requirements.routing_keys import read_skill, read_usd, read_value
from verification.requirements.scope import contains, overlap
from verification.requirements.yaml_tree import Mapping, Node, Sequence, kind

TASKS_MAX = 64
PATTERNS_MAX = 200  # different scope patterns of all tasks together; each pattern is compared with every other pattern
EXAMPLES_OF_A_TASK = {
    "id": "T1",
    "criteria": "[A1]",
    "scope": '["slugify.py"]',
    "after": "[]",
    "skill": "{size: large}",
    "value_usd": '"0.50"',
    "budget": '{usd: "0.50"}',
}
BUDGET_OF_A_TASK = {"usd": '"0.50"', "tokens": "50000"}


class _Written(NamedTuple):
    """A task with its YAML node."""

    task: RequirementTask
    node: Mapping

    def at(self, name: str) -> Node:
        return self.node.get(name) or self.node


def default_tasks(criteria: Seq[str], scope: tuple[str, ...]) -> tuple[RequirementTask, ...]:
    """Return one task for each criterion. All tasks have the same scope, so each task waits for the previous task."""
    return tuple(
        RequirementTask(id=f"T{n}", criteria=(name,), scope=scope, after=(f"T{n - 1}",) if n > 1 else ())
        for n, name in enumerate(criteria, start=1)
    )


def read_tasks(
    node: Node, criteria: Seq[str], scope: tuple[str, ...], report: ProblemList
) -> tuple[RequirementTask, ...]:
    """Return the tasks. Report each criterion that is not in exactly one task, and faults of `after` and of scopes."""
    if not isinstance(node, Sequence) or not node.items:
        report.add(node, f"`tasks` must be a list of tasks, not {kind(node)}", f"tasks: {EXAMPLES['tasks']}")
        return ()
    if len(node.items) > TASKS_MAX:
        report.add(node.items[TASKS_MAX], f"more than {TASKS_MAX} tasks", "fewer tasks")
    written: list[_Written] = []
    twice: list[_Written] = []
    for item in node.items[:TASKS_MAX]:
        one = _task(item, scope, report)
        if one is None:
            continue
        if any(other.task.id == one.task.id for other in written):
            report.add(one.at("id"), f"the task id `{one.task.id}` occurs twice", "id: another id")
            twice.append(one)
            continue
        written.append(one)
    _check_coverage(node, [*written, *twice], criteria, report)
    if len({pattern for one in written for pattern in one.task.scope}) > PATTERNS_MAX:
        report.add(
            node, f"the tasks name more than {PATTERNS_MAX} patterns", "fewer patterns, for example with wildcards"
        )
    elif _check_after(written, report):
        _check_overlap(written, report)
    return tuple(one.task for one in written)


def _task(node: Node, scope: tuple[str, ...], report: ProblemList) -> _Written | None:
    if not isinstance(node, Mapping):
        report.add(
            node, f"a task must be a mapping, not {kind(node)}", '{id: T1, criteria: [A1], scope: ["slugify.py"]}'
        )
        return None
    fields = Fields(node, report, EXAMPLES_OF_A_TASK, "a task")
    name = read_id(fields)
    criteria = tuple(text for text, _ in fields.texts("criteria", required=True) or ())
    own = read_scope(fields)
    for pattern, at in fields.texts("scope") or ():
        if own and pattern in own and scope and not any(contains(wide, pattern) for wide in scope):
            remedy = f"a path inside {listed(scope[:3])}, or add `{pattern[:60]}` to the requirement's scope"
            report.add(at, f"`{pattern[:60]}` is outside the requirement's scope", remedy)
    after = tuple(text for text, _ in fields.texts("after", empty=True) or ())
    skill, value = read_skill(fields), read_value(fields)
    usd_max, tokens_max = _budget(fields, report)
    if name is None:
        return None
    task = RequirementTask(
        id=name,
        criteria=criteria,
        scope=scope if own is None else own,
        after=after,
        skill=skill,
        value_usd=value,
        usd_max=usd_max,
        tokens_max=tokens_max,
    )
    return _Written(task, node)


def _budget(fields: Fields, report: ProblemList) -> tuple[Decimal | None, int | None]:
    """Return the dollars and tokens of a task's own budget; None for a part without a limit."""
    node = fields.mapping("budget")
    if node is None:
        return None, None
    inner = Fields(node, report, BUDGET_OF_A_TASK, "the budget of a task")
    tokens = inner.number("tokens", 0, TOKENS_MAX, whole=True) if inner.has("tokens") else None
    return read_usd(inner, "usd"), None if tokens is None else int(tokens)


def _check_coverage(node: Node, written: list[_Written], criteria: Seq[str], report: ProblemList) -> None:
    owner: dict[str, str] = {}
    for one in written:
        for name in one.task.criteria:
            if name not in criteria:
                near = similar(name, criteria) or (criteria[0] if criteria else "A1")
                report.add(one.at("criteria"), f"there is no criterion `{name[:60]}`", f"criteria: [{near}]")
            elif name in owner:
                message = f"the criterion `{name}` is already in task `{owner[name]}`"
                report.add(one.at("criteria"), message, f"`{name}` in only one of the tasks")
            owner.setdefault(name, one.task.id)
    missing = [name for name in criteria if name not in owner]
    if missing:
        report.add(node, f"no task covers {listed(missing)}", f"criteria: [{', '.join(missing)}] in one of the tasks")


def _check_after(written: list[_Written], report: ProblemList) -> bool:
    """Return whether `after` names only known tasks and contains no cycle. Report each fault."""
    known = {one.task.id: one for one in written}
    sound = True
    for one in written:
        for name in one.task.after:
            if name not in known:
                near = similar(name, known)
                report.add(
                    one.at("after"), f"there is no task `{name[:60]}`", f"after: [{near}]" if near else "after: []"
                )
                sound = False
    waiting = {name: set(one.task.after) & set(known) for name, one in known.items()}
    while ready := [name for name, before in waiting.items() if not before]:
        for name in ready:
            del waiting[name]
        for before in waiting.values():
            before.difference_update(ready)
    cycle = _cycle(waiting)
    if cycle:
        path = " -> ".join((*cycle, cycle[0]))
        remedy = f"`after` without {cycle[1] if len(cycle) > 1 else cycle[0]}"
        report.add(known[cycle[0]].at("after"), f"these tasks wait for one another: {path}", remedy)
    return sound and not cycle


def _cycle(waiting: dict[str, set[str]]) -> list[str]:
    """Return the tasks of one cycle; empty if there are no tasks. Every given task waits for another given task."""
    if not waiting:
        return []
    path = [next(iter(waiting))]
    while True:
        following = min(waiting[path[-1]])
        if following in path:
            return path[path.index(following) :]
        path.append(following)


def _check_overlap(written: list[_Written], report: ProblemList) -> None:
    """Report each pair of tasks that may run at the same time and may write the same path."""
    before: dict[str, set[str]] = {}
    known = {one.task.id: one.task for one in written}

    def ancestors(name: str) -> set[str]:
        if name not in before:
            before[name] = set(known[name].after).union(*(ancestors(other) for other in known[name].after))
        return before[name]

    for index, one in enumerate(written):
        for other in written[:index]:
            if other.task.id in ancestors(one.task.id) or one.task.id in ancestors(other.task.id):
                continue
            shared = next(((a, b) for a in one.task.scope for b in other.task.scope if overlap(a, b)), None)
            if shared:
                message = f"`{one.task.id}` and `{other.task.id}` may both write `{shared[0][:60]}` at the same time"
                report.add(
                    one.at("scope"),
                    message,
                    f"after: [{other.task.id}] in {one.task.id}, or scopes that do not overlap",
                )
