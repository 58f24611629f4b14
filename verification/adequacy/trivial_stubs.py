"""Trivial stubs: answers of code that does not solve the task. No code runs, because this module makes the answers."""

import builtins
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from verification.execution.case_runner import StepSeen
from verification.execution.http_exchange import Response
from verification.requirements.model import Expectation, Request, Step
from verification.requirements.placeholders import NUMBER, Saved, filled, filled_text
from verification.requirements.property_model import PropertyKind
from verification.requirements.tags import COLLECTIONS, tag_of, text_matches
from verification.requirements.values import encode, key_of, show

MESSAGES_MAX = 5  # for one exception
SHOWN_CHARS_MAX = 40
_CONSTANTS: tuple[Any, ...] = (None, 0, "", [], {}, False, True)
_OBJECT = {"$object": "an object that equals everything"}
_TEXTS = ("a", "1", "")
_ALWAYS: frozenset[PropertyKind] = frozenset({"idempotent", "deterministic", "commutative", "never_raises"})
"""Properties that hold for every function with a constant answer."""


class Stub(NamedTuple):
    """A stub for steps. `remedy`: a case to add so that the stub fails. `keeps`: properties that hold for the stub."""

    name: str
    remedy: str
    play: Callable[[Step], StepSeen]
    keeps: frozenset[PropertyKind] = frozenset()


class StubService(NamedTuple):
    """A stub of a service. `answer` makes its response from the request and the saved values."""

    name: str
    remedy: str
    answer: Callable[[Request, Saved], Response]


def functions(steps: Iterable[Step]) -> Iterator[Stub]:
    """Yield stubs for the functions, methods and classes that `steps` call or construct."""
    asked = [step for step in steps if step.action in ("call", "new")]
    for value in _CONSTANTS:
        yield _returning(f"returns {value!r}", f"with a result other than {value!r}", value)
    yield Stub(
        "returns its argument",
        "with a result other than its argument",
        _echo,
        _ALWAYS - {"commutative"} | {"round_trip"},
    )
    yield _returning(
        "returns an object that equals everything", "with a plain result", _OBJECT, frozenset({"never_raises"})
    )
    firsts = (step.expect.returns for step in asked if step.expect.returns is not msgspec.UNSET)
    first = sample(next(firsts, None))
    if key_of(first) not in {key_of(value) for value in _CONSTANTS}:
        shown = show(first, SHOWN_CHARS_MAX)
        yield _returning(f"always returns {shown}", f"with a result other than {shown}", encode(first))
    for name, messages in _exceptions(asked).items():
        for message in messages:
            yield _raising(name, message, new=False)
            if any(step.action == "new" and step.expect.raises for step in asked):
                yield _raising(name, message, new=True)


def commands(steps: Iterable[Step]) -> Iterator[Stub]:
    """Yield stubs of the command."""
    asked = [step for step in steps if step.action == "run"]
    yield Stub("exits 0 and prints nothing", "that expects some output", lambda _: _ran())
    yield Stub(
        "prints its standard input",
        "with an output other than its input",
        lambda step: _ran(stdout=step.stdin or ""),
    )
    yield Stub(
        "prints its arguments",
        "with an output other than its arguments",
        lambda step: _ran(stdout=" ".join(step.argv[1:]) + "\n"),
    )
    yield Stub("exits 1 and prints nothing", "that expects exit 0", lambda _: _ran(exit=1))
    yield from (_as_first_run(step.expect) for step in asked[:1])


def services(steps: Iterable[Step]) -> Iterator[StubService]:
    """Yield stubs of the service."""
    yield StubService("answers 200 with {}", "with an answer other than {}", lambda _, __: _response(200, "{}"))
    yield StubService("answers 200 with the request's body", "with an answer other than the request's body", _sent_back)
    yield StubService("answers 404 with {}", "that expects another status", lambda _, __: _response(404, "{}"))
    first = next((step.request for step in steps if step.request is not None), None)
    if first is not None:
        status, expected = first.reply.status or 200, first.reply.body
        body = "{}" if expected is msgspec.UNSET else _json(sample(expected))
        response = _response(status, first.reply.body_contains or body)
        if (status, body) not in ((200, "{}"), (404, "{}")):
            told = f"always answers {status} with {show(body, SHOWN_CHARS_MAX)}"
            yield StubService(told, "with another answer", lambda _, __: response)


def sample(expected: Any) -> Any:
    """Return a simple value that meets the expectation, if possible; None for `$any`."""
    tag = tag_of(expected)
    if tag == "$any":
        return None
    if tag == "$matches":
        return _matching(expected[tag])
    if tag in COLLECTIONS:
        return {tag: [sample(item) for item in expected[tag]]}
    if isinstance(expected, list):
        return [sample(item) for item in expected]
    if isinstance(expected, dict) and tag is None:
        return {key: sample(item) for key, item in expected.items()}
    return expected


def _matching(pattern: str) -> str:
    return next((text for text in (pattern.strip("^$"), *_TEXTS) if text_matches(pattern, text)), "")


def _as_first_run(expect: Expectation) -> Stub:
    out = expect.stdout if expect.stdout is not None else _matching(expect.stdout_matches or "")
    seen = _ran(exit=expect.exit, stdout=out, stderr=expect.stderr or "")
    told = f"always exits {seen.exit} and prints {show(out, SHOWN_CHARS_MAX)}"
    return Stub(told, "with another output or exit status", lambda _: seen)


def _returning(name: str, remedy: str, value: Any, keeps: frozenset[PropertyKind] = _ALWAYS) -> Stub:
    def play(step: Step) -> StepSeen:
        return _returned(value if step.action == "call" else _OBJECT)

    return Stub(name, remedy, play, keeps)


def _echo(step: Step) -> StepSeen:
    given = [*step.args, *step.kwargs.values(), None]
    return _returned(encode(given[0]) if step.action == "call" else _OBJECT)


def _returned(value: Any) -> StepSeen:
    return StepSeen(did="returned", before={}, files={}, value=value)


def _exceptions(asked: list[Step]) -> dict[str, list[str]]:
    """Map the name of each expected exception to the messages to try."""
    found: dict[str, list[str]] = {}
    for step in asked:
        if step.expect.raises is not None:
            messages = found.setdefault(step.expect.raises, [""])
            message = _matching(step.expect.message_matches or "")
            if message not in messages and len(messages) < MESSAGES_MAX:
                messages.append(message)
    return found


def _raising(exception: str, message: str, *, new: bool) -> Stub:
    known = getattr(builtins, exception, None)
    bases = [base.__name__ for base in known.__mro__] if isinstance(known, type) else [exception]
    names = [[base, f"builtins.{base}"] for base in bases]
    raised = StepSeen(did="raised", before={}, files={}, names=names, name=exception, message=message)

    def play(step: Step) -> StepSeen:
        return raised if new or step.action == "call" else _returned(_OBJECT)

    said = f"({show(message, SHOWN_CHARS_MAX)})" if message else ""
    return Stub(f"always raises {exception}{said}", "that returns a value", play)


def _ran(*, exit: int = 0, stdout: str = "", stderr: str = "") -> StepSeen:
    return StepSeen(did="ran", before={}, files={}, exit=exit, stdout=stdout, stderr=stderr)


def _response(status: int, text: str) -> Response:
    return Response(status, {"content-type": "application/json"}, text.encode())


def _sent_back(request: Request, saved: Saved) -> Response:
    known = {**saved, NUMBER: 1}
    if request.json is not msgspec.UNSET:
        return _response(200, _json(filled(request.json, known)))
    return _response(200, filled_text(request.send, known) if isinstance(request.send, str) else "")


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


NOTHING = _returning("returns None", "with a result other than None", None)
"""Stub of a function with an empty body."""
NOT_IMPLEMENTED = _raising("NotImplementedError", "", new=False)
