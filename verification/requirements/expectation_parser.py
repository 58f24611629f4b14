"""Parser of the expected results of a call, a construction or a run. case_parser.py parses expectations about files."""

import re
from collections.abc import Mapping as Map
from typing import Any, Literal

from verification.requirements.fields import Fields
from verification.requirements.literals import Literals
from verification.requirements.problems import ProblemList
from verification.requirements.tags import pattern_fault

Action = Literal["call", "new", "run"]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_CLASS = re.compile(rf"{_NAME}(\.{_NAME})*")


class ExpectationReader:
    """Reader of the expectations of one file."""

    def __init__(self, report: ProblemList, literals: Literals) -> None:
        self.report = report
        self.literals = literals

    def outcome(self, fields: Fields, action: Action) -> dict[str, Any]:
        """Return the fields of an expectation, without the fields about files."""
        if action == "run":
            return self._run_outcome(fields)
        seen: dict[str, Any] = {
            "raises": fields.text("raises"),
            "or_subclass": fields.flag("or_subclass"),
            "message_matches": self._pattern(fields, "message_matches"),
        }
        self._check_raises(fields, seen)
        return seen | (self._returns(fields) if action == "call" else {})

    def _run_outcome(self, fields: Fields) -> dict[str, Any]:
        seen: dict[str, Any] = {"stdout_matches": self._pattern(fields, "stdout_matches")}
        code = fields.number("exit", 0, 255, whole=True)
        seen.update({"exit": int(code)} if code is not None else {})
        for name in ("stdout", "stderr"):
            if (node := fields.get(name)) is not None:
                seen[name] = self.literals.text(node, name, '"text\\n"')
        return seen

    def _returns(self, fields: Fields) -> dict[str, Any]:
        """Return the field `returns`, and the fields that say how to compare it."""
        returns, approx = fields.get("returns"), fields.number("approx", 0, 1e12)
        seen: dict[str, Any] = {"exact_type": fields.flag("exact_type")}
        if returns is not None:
            seen["returns"] = self.literals.value(returns, expected=True)
        elif (node := fields.get("exact_type")) is not None:
            self.report.add(
                node, "`exact_type` is allowed only with `returns`", "returns: expected, in addition to `exact_type`"
            )
        if approx is not None:
            seen["approx"] = float(approx)
            if not has_float(seen.get("returns")):
                at = fields.get("approx") or fields.node
                self.report.add(
                    at,
                    "`approx` compares floats, but `returns` contains no float",
                    "returns: 1.0, with a decimal point",
                )
        return seen

    def _check_raises(self, fields: Fields, seen: Map[str, Any]) -> None:
        raises = seen["raises"]
        if raises is None:
            for name in ("or_subclass", "message_matches"):
                if (node := fields.get(name)) is not None and not fields.has("raises"):
                    self.report.add(
                        node, f"`{name}` is allowed only with `raises`", f"raises: ValueError, in addition to `{name}`"
                    )
            return
        if not _CLASS.fullmatch(raises):
            self.report.add(
                fields.get("raises") or fields.node, f"`{raises[:60]}` is not a class name", "raises: ValueError"
            )
        if (returns := fields.get("returns")) is not None:
            self.report.add(returns, "a call cannot both return and raise", "only one of `returns` or `raises`")

    def _pattern(self, fields: Fields, name: str) -> str | None:
        pattern = fields.text(name)
        if pattern is not None and (fault := pattern_fault(pattern)) is not None:
            self.report.add(fields.get(name) or fields.node, f"`{name}`: {fault}", fields.line(name))
            return None
        return pattern


def has_float(value: Any) -> bool:
    """Return whether a value contains a float."""
    if isinstance(value, float):
        return True
    if isinstance(value, dict):
        return any(has_float(item) for item in value.values())
    return isinstance(value, list) and any(has_float(item) for item in value)
