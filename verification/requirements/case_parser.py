"""Parser of cases: one action, or a list of `steps`."""

import re
from collections.abc import Mapping as Map
from typing import Any

from verification.requirements import request_parser
from verification.requirements.expectation_parser import Action, ExpectationReader
from verification.requirements.fields import Fields
from verification.requirements.fixtures import Fixtures
from verification.requirements.literals import Literals
from verification.requirements.model import Case, Expectation, Step
from verification.requirements.problems import ProblemList, listed
from verification.requirements.scope import path_fault
from verification.requirements.yaml_tree import Mapping, Node, Scalar, kind

STEPS_MAX = 200  # in one case
WITHIN_S_MAX = 300
MEMORY_MB_MIN, MEMORY_MB_MAX = 16, 4096

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = rf"{_NAME}(\.{_NAME})*"
_TARGET = re.compile(rf"{_DOTTED}:{_DOTTED}")
_METHOD = re.compile(rf"\$({_NAME})\.{_DOTTED}")

CASE = {"within_s": "10", "memory_mb": "512"}
_FILES = {"files": "{after: {out.txt: hello}, absent: [tmp.txt]}"}
_CALL = {
    "args": "[1, two]",
    "kwargs": "{name: value}",
    "raises": "ValueError",
    "or_subclass": "true",
    "message_matches": "empty",
    **_FILES,
}
KEYS: dict[Action, dict[str, str]] = {
    "call": {"call": '"module:function"', **_CALL, "returns": "expected", "approx": "0.001", "exact_type": "true"},
    "new": {"new": '"module:Class"', **_CALL},
    "run": {
        "run": '["command", "argument"]',
        "stdin": '"text\\n"',
        "env": "{LANG: C.UTF-8}",
        "exit": "0",
        "stdout": '"text\\n"',
        "stdout_matches": "'^text'",
        "stderr": '""',
        **_FILES,
    },
}
_ACTIONS = (*KEYS, *request_parser.KEYS)
FILE_LISTS = {
    "before": "{in.txt: hello}",
    "after": "{out.txt: hello}",
    "unchanged": "[in.txt]",
    "absent": "[tmp.txt]",
}


_ON_OBJECT = re.compile(rf"(?P<made>{_DOTTED}:{_DOTTED})\(.*\)\.(?P<method>{_NAME})", re.DOTALL)


def _form(target: str, fields: Fields, action: Action) -> str:
    """Return the remedy for an invalid target. If the target is a method of a new object, the remedy is two steps."""
    meant = _ON_OBJECT.match(target)
    if meant is None:
        return fields.line(action)
    return f'steps: [{{new: "{meant["made"]}", as: it}}, {{call: "$it.{meant["method"]}"}}]'


class CaseReader:
    """Reader of the cases of one file.

    `command`: the name of the command in `run` cases. None: the project has no command. Empty: the name could not be
    read, so cases are not checked against it. `served`: whether the project has a service for requests.
    """

    def __init__(self, report: ProblemList, fixtures: Fixtures, command: str | None, *, served: bool) -> None:
        self.report = report
        self.literals = Literals(report, fixtures)
        self.command = command
        self.expected = ExpectationReader(report, self.literals)
        self.requests = request_parser.RequestReader(self.literals, served=served)

    def case(self, node: Node) -> Case | None:
        """Return one case. If the case is wrong, report its problems and return None."""
        if not isinstance(node, Mapping):
            self.report.add(
                node, f"a case must be a mapping, not {kind(node)}", '{call: "module:function", returns: 1}'
            )
            return None
        if node.get("steps") is None:
            step, fields = self._step(node, {}, alone=True)
            steps = [step] if step else []
        else:
            fields = Fields(
                node, self.report, {"steps": '[{new: "module:Class", as: it}]', **CASE}, "a case with steps"
            )
            steps = self._steps(fields)
        if fields is None:
            return None
        within = fields.number("within_s", 0.1, WITHIN_S_MAX)
        memory = fields.number("memory_mb", MEMORY_MB_MIN, MEMORY_MB_MAX, whole=True)
        limits: dict[str, Any] = {}
        if within is not None:
            limits["within_s"] = float(within)
        if memory is not None:
            limits["memory_mb"] = int(memory)
        return Case(steps=tuple(steps), line=node.line, **limits) if steps else None

    def _steps(self, fields: Fields) -> list[Step]:
        nodes = fields.items("steps") or ()
        if len(nodes) > STEPS_MAX:
            self.report.add(nodes[STEPS_MAX], f"more than {STEPS_MAX} steps in one case", "a shorter case")
        bound: dict[str, Node] = {}
        steps: list[Step] = []
        for node in nodes[:STEPS_MAX]:
            if not isinstance(node, Mapping):
                self.report.add(node, f"a step must be a mapping, not {kind(node)}", '{call: "$it.method", returns: 1}')
                continue
            step, _ = self._step(node, bound, alone=False)
            if step is not None:
                steps.append(step)
                self.requests.check_together(steps, node)
        return steps

    def _step(self, node: Mapping, bound: dict[str, Node], *, alone: bool) -> tuple[Step | None, Fields | None]:
        """Return one step and its fields. `bound` contains the names that earlier steps set with `as`."""
        actions = [action for action in _ACTIONS if node.get(action) is not None]
        what = "a case" if alone else "a step"
        if len(actions) != 1:
            self._no_action(node, actions, what)
            return None, None
        if actions[0] in request_parser.KEYS:
            examples = request_parser.KEYS[actions[0]] | (CASE if alone else {})
            fields = Fields(node, self.report, examples, f"{what} with `{actions[0]}`")
            return self.requests.step(fields, actions[0], bound, alone=alone), fields
        action = next(each for each in KEYS if each == actions[0])
        examples = {**KEYS[action], **(CASE if alone else {"as": "name"} if action != "run" else {})}
        fields = Fields(node, self.report, examples, f"{what} with `{action}`")
        given: dict[str, Any] = self._run(fields) if action == "run" else self._target(fields, action, bound, alone)
        before, files = self._files(fields)
        expect = Expectation(**self.expected.outcome(fields, action), **files)
        if not alone and (name := fields.text("as")) is not None:
            if not re.fullmatch(_NAME, name) or name in bound:
                self.report.add(
                    fields.get("as") or node,
                    f"`{name[:60]}` is not a valid name, or an earlier step already uses it",
                    "as: it",
                )
            bound[name] = node
            given["bind"] = name
        return Step(action=action, expect=expect, files_before=before, **given), fields

    def _no_action(self, node: Mapping, actions: list[str], what: str) -> None:
        examples = {key: text for keys in (*KEYS.values(), *request_parser.KEYS.values()) for key, text in keys.items()}
        Fields(node, self.report, {**examples, **CASE, "as": "name"}, what)
        found = f"has {listed(actions)}" if actions else "has no action"
        message = f"{what} {found}; it needs exactly one of {listed(_ACTIONS)}"
        self.report.add(node, message, 'call: "module:function"')

    def _target(self, fields: Fields, action: Action, bound: Map[str, Node], alone: bool) -> dict[str, Any]:
        target = fields.text(action) or ""
        at = fields.get(action) or fields.node
        method = _METHOD.fullmatch(target) if action == "call" else None
        if method and method[1] not in bound:
            message = f"`${method[1]}` is not known here" + (": a single case has no earlier steps" if alone else "")
            self.report.add(at, message, f'a step before it: {{new: "module:Class", as: {method[1]}}}')
        elif target and not method and not _TARGET.fullmatch(target):
            more = " or `$name.method`" if action == "call" and not alone else ""
            self.report.add(
                at, f"`{target[:60]}` does not have the form `module:name`{more}", _form(target, fields, action)
            )
        kwargs = fields.mapping("kwargs")
        return {
            "target": target,
            "args": tuple(self.literals.value(item, expected=False) for item in fields.items("args", empty=True) or ()),
            "kwargs": dict(self._kwargs(kwargs)) if kwargs else {},
        }

    def _kwargs(self, node: Mapping) -> list[tuple[str, Any]]:
        pairs: list[tuple[str, Any]] = []
        for entry in node.entries:
            if not isinstance(entry.key.value, str) or not re.fullmatch(_NAME, entry.key.value):
                self.report.add(
                    entry.key, f"`{entry.key.text[:60]}` is not the name of a parameter", "kwargs: {name: value}"
                )
                continue
            pairs.append((entry.key.value, self.literals.value(entry.value, expected=False)))
        return pairs

    def _run(self, fields: Fields) -> dict[str, Any]:
        argv = fields.texts("run", empty=True) or ()
        at = fields.get("run") or fields.node
        if self.command is None:
            self.report.add(
                at, "`run` needs the project's command", 'command: "name = module:function" in the front matter'
            )
        elif not argv or (self.command and argv[0][0] != self.command):
            first = argv[0][0][:60] if argv else ""
            place = argv[0][1] if argv else at
            self.report.add(
                place, f"`{first}` is not the project's command", f'run: ["{self.command or "command"}", "argument"]'
            )
        given: dict[str, Any] = {"argv": tuple(text for text, _ in argv)}
        if (stdin := fields.get("stdin")) is not None:
            given["stdin"] = self.literals.text(stdin, "stdin", '"text\\n"')
        if (env := fields.mapping("env")) is not None:
            given["env"] = self._env(env)
        return given

    def _env(self, node: Mapping) -> dict[str, str]:
        read: dict[str, str] = {}
        for entry in node.entries:
            if not re.fullmatch(_NAME, entry.key.text):
                self.report.add(
                    entry.key, f"`{entry.key.text[:60]}` is not the name of a variable", "env: {LANG: C.UTF-8}"
                )
            value = self.literals.text(entry.value, entry.key.text[:60], '"value"')
            read[entry.key.text] = value or ""
        return read

    def _files(self, fields: Fields) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the field `files`, as the files before the action and the expectations about files after it."""
        node = fields.mapping("files")
        if node is None:
            return {}, {}
        files = Fields(node, self.report, FILE_LISTS, "`files`")
        before = {path: text for path, text in self._contents(files, "before") if text is not None}
        after = dict(self._contents(files, "after"))
        lists: dict[str, tuple[str, ...]] = {}
        for name in ("unchanged", "absent"):
            named = files.texts(name, empty=True) or ()
            lists[name] = tuple(path for path, at in named if self._path(path, at))
            for path, at in named:
                if name == "absent" and path in after:
                    self.report.add(
                        at, f"`{path[:60]}` cannot be both expected and absent", "the path in only one of the two lists"
                    )
        return before, {"files_after": after, "files_unchanged": lists["unchanged"], "files_absent": lists["absent"]}

    def _contents(self, files: Fields, name: str) -> list[tuple[str, str | None]]:
        node = files.mapping(name)
        read: list[tuple[str, str | None]] = []
        for entry in node.entries if node is not None else ():
            path = str(entry.key.value)
            if not self._path(path, entry.key):
                continue
            exists = name == "after" and isinstance(entry.value, Scalar) and entry.value.value is None
            read.append((path, None if exists else self.literals.text(entry.value, path[:60], '"text\\n"')))
        return read

    def _path(self, path: str, at: Node) -> bool:
        fault = path_fault(path)
        if fault is not None:
            self.report.add(
                at, f"the path `{path[:60]}` {fault}", "a path inside the case's own folder, such as data/in.txt"
            )
        return fault is None
