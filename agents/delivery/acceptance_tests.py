"""Visible cases of a requirement as pytest files. This module never reads sealed cases."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from verification.requirements.model import Case, Request, Requirement, Step

LINE_CHARS_MAX = 110
_WITHIN_S = Case(steps=(), line=0).within_s
_CONFTEST = '''"""Makes the project importable and gives each acceptance case its own box."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[{depth}]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(Path(__file__).resolve().parent)]

from aura_casebox import Box  # noqa: E402  # found through the line above


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.chdir(tmp_path)
    return Box(ROOT, tmp_path, {command})
'''
_IMPORTED = "from aura_casebox import Box  # noqa: E402  # found through the line above\n"
_SERVICE_IMPORTED = "from aura_servicebox import Service  # noqa: E402\n"
_SERVICE = """

@pytest.fixture
def service(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Service(ROOT, tmp_path, {run!r}, {ready!r})
    yield made
    made.stop()
"""
_HEAD = """# The acceptance cases of the requirement, one test for each case.
# If the requirement has sealed cases, the verdict also used them. Sealed cases are not delivered.
# ruff: noqa: F401

from datetime import date, datetime
from decimal import Decimal

from aura_casebox import ANY, Box, Matching
"""


@cache
def support_file(name: str) -> bytes:
    """Return a module of this folder that is delivered unchanged. It is read only once."""
    return files("agents.delivery").joinpath(name).read_bytes()


def acceptance_files(requirement: Requirement, folder: str, test_name: str) -> dict[str, bytes]:
    """Return the files of `folder` by path: the tests, the support modules and the fixtures that the tests use."""
    command = (requirement.command or "").partition("=")[2].strip()
    conftest = _CONFTEST.format(depth=folder.count("/") + 1, command=repr(command))
    casebox = support_file("aura_casebox.py")
    beside: dict[str, bytes] = {}
    if (serve := requirement.serve) is not None:
        beside[f"{folder}/aura_servicebox.py"] = support_file("aura_servicebox.py")
        conftest = conftest.replace(_IMPORTED, _IMPORTED + _SERVICE_IMPORTED, 1)
        conftest += _SERVICE.format(run=list(serve.run), ready=serve.ready)
    given = {path: content for each in requirement.criteria if each.suite for path, content in each.suite.files.items()}
    beside |= {f"{folder}/{path}": content for path, content in given.items()}
    return beside | {
        f"{folder}/aura_casebox.py": casebox,
        f"{folder}/conftest.py": conftest.encode(),
        f"{folder}/{test_name}": _tests(requirement).encode(),
    }


def _tests(requirement: Requirement) -> str:
    parts = [_HEAD, "from aura_servicebox import Service\n" if requirement.serve is not None else ""]
    for number, criterion in enumerate(requirement.criteria, 1):
        word = re.sub(r"\W+", "_", criterion.id, flags=re.ASCII).strip("_").lower()
        for index, case in enumerate(criterion.cases, 1):
            given = "service: Service" if case.asks_service else "box: Box"
            parts.append(f"\n\ndef test_{number}_{word}_{index}({given}) -> None:\n")
            parts.append(f"    {literal(f'{criterion.id}: {criterion.says}')}\n")
            parts.extend(_step(step, case) for step in case.steps)
    return "".join(parts)


def _step(step: Step, case: Case) -> str:
    """Return one step as a call of the box."""
    if step.request is not None:
        return _called(
            "service.request", [literal(f"{step.request.method} {step.request.target}")], _asked(step.request)
        )
    if step.action == "restart":
        return "    service.restart()\n"
    first = step.argv if step.action == "run" else (step.target, *step.args)
    return _called(f"box.{step.action}", [literal(value) for value in first], _arguments(step, case))


def _called(name: str, words: Sequence[str], named: Iterable[tuple[str, str]]) -> str:
    words = [*words, *(f"{key}={text}" for key, text in named)]
    line = f"    {name}({', '.join(words)})\n"
    if len(line) <= LINE_CHARS_MAX:
        return line
    return f"    {name}(\n" + "".join(f"        {word},\n" for word in words) + "    )\n"


def _asked(request: Request) -> Iterator[tuple[str, str]]:
    """Yield the arguments of a request in a delivered test."""
    reply = request.reply
    given: dict[str, Any] = {"headers": dict(request.headers), "send": request.send, "save": dict(request.save)}
    given |= {"value": request.json, "status": reply.status, "response_headers": dict(reply.headers)}
    given |= {"body": reply.body, "body_contains": reply.body_contains, "approx": reply.approx}
    if request.parallel > 1:
        yield "parallel", repr(request.parallel)
    for name, value in given.items():
        compared = name in ("value", "body") and value is not msgspec.UNSET
        if compared or (value is not None and value is not msgspec.UNSET and value != {}):
            yield name, literal(value)


def _arguments(step: Step, case: Case) -> Iterator[tuple[str, str]]:
    """Yield the name and the literal of each argument of a step, without the target. Default values are omitted."""
    expect = step.expect
    given: dict[str, Any] = {"stdin": step.stdin or "", "env": dict(step.env)} if step.action == "run" else {}
    given |= {"bind": step.bind or "", "before": dict(step.files_before)}
    if step.action == "run":
        given |= {"exit": expect.exit, "stdout": expect.stdout, "stdout_matches": expect.stdout_matches}
        # The default time limit is omitted, because another machine may be slower.
        given |= {"stderr": expect.stderr, "within_s": None if case.within_s == _WITHIN_S else case.within_s}
    else:
        given |= {"raises": expect.raises, "or_subclass": expect.or_subclass, "approx": expect.approx}
        given |= {"message_matches": expect.message_matches, "exact_type": expect.exact_type}
    given["after"] = dict(expect.files_after)
    given |= {"unchanged": list(expect.files_unchanged), "absent": list(expect.files_absent)}
    if step.kwargs:
        yield "kwargs", "{" + ", ".join(f"{name!r}: {literal(value)}" for name, value in step.kwargs.items()) + "}"
    if expect.returns is not msgspec.UNSET:
        yield "returns", literal(expect.returns)
    for name, value in given.items():
        plain_zero = name == "exit" and value == 0
        # An expected empty text is not the same as no expectation.
        left_out = value is None or value is False or (value in ("", [], {}) and name not in ("stdout", "stderr"))
        if not plain_zero and not left_out:
            yield name, repr(value)


def literal(value: Any) -> str:
    """Return the Python source of a value in a requirement: JSON or a tagged value."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if not isinstance(value, dict):
        return repr(value)
    tag, payload = next(iter(value.items())) if len(value) == 1 else ("", [])
    if tag == "$dict":
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in payload) + "}"
    if tag in ("$tuple", "$set", "$frozenset"):
        members = ", ".join(map(literal, payload))
        return f"{tag[1:]}([{members}])"
    if isinstance(tag, str) and tag in _SCALARS:
        return _SCALARS[tag](payload)
    return "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"


_SCALARS: dict[str, Callable[[Any], str]] = {
    "$any": lambda _: "ANY",
    "$matches": lambda payload: f"Matching({payload!r})",
    "$decimal": lambda payload: f"Decimal({payload!r})",
    "$bytes": lambda payload: repr(base64.b64decode(payload)),
    "$date": lambda payload: f"date.fromisoformat({payload!r})",
    "$datetime": lambda payload: f"datetime.fromisoformat({payload!r})",
    "$float": lambda payload: f"float({payload!r})",
    "$int": lambda payload: f"int({payload!r})",
}
