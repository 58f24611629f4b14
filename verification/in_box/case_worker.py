"""The judge's worker. It runs one case in the box and answers with the results. It uses only the standard library.

It reads the order (JSON) from standard input and writes one line, nonce and JSON, to the original standard output.
The code under test shares this process and can change everything in it, but gains nothing: the process contains no
expected value, and the code could return a value directly instead of forging an answer with it.

The start of this worker is a large part of the time of a case. So it imports few modules: `typing`, `re` (which `json`
and `base64` import) and `decimal` would take longer than the start of Python itself.
"""

from __future__ import annotations

import binascii
import builtins
import importlib
import math
import os
import sys
import time

TYPE_CHECKING = False  # the name that type checkers take for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DEPTH_MAX = 64
NODES_MAX = 200_000
EXACT_INT_MAX = 2**53  # a larger integer is sent as text
INT_DIGITS_MAX = 4000
FILE_BYTES_MAX = 1024 * 1024
MESSAGE_CHARS_MAX = 4000
PROGRAMS = "/aura/bin"
SET_DUMPABLE = 4  # option of prctl


class Encoder:
    """Encoder of Python values to JSON with tags. An object of any other type becomes a tag with its class name.

    An instance of a subclass of a built-in type becomes `{"$of": [its class, its contents]}`. The encoder reads its
    contents with the methods of the built-in type, so no overridden method runs.
    """

    def __init__(self) -> None:
        self.left = NODES_MAX
        self.bases = _bases()

    def encode(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        kind = type(value)
        if depth > DEPTH_MAX or self.left < 0:
            return {"$object": "a value too deep or too large"}
        if value is None or kind is bool:
            return value
        for base in self.bases:
            if issubclass(kind, base):  # `issubclass` runs no method of the code under test
                contents = self.contents(value, base, depth)
                return contents if kind is base else {"$of": [_name_of(kind), contents]}
        return {"$object": _name_of(kind)}

    def contents(self, value: Any, base: type, depth: int) -> Any:
        if base is dict:
            return self.mapping(value, depth)
        if base not in _ITEMS:
            return _scalar(value, base)
        items = [self.encode(item, depth + 1) for item in _ITEMS[base](value)]
        return items if base is list else {f"${base.__name__}": items}

    def mapping(self, value: dict[Any, Any], depth: int) -> Any:
        items = list(dict.items(value))
        if all(type(key) is str and not key.startswith("$") and _is_text(key) for key, _ in items):
            return {key: self.encode(item, depth + 1) for key, item in items}
        return {"$dict": [[self.encode(key, depth + 1), self.encode(item, depth + 1)] for key, item in items]}


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value) if not value.isascii() else True


_ITEMS: dict[type, Any] = {each: each.__iter__ for each in (list, tuple, set, frozenset)}
_BUILT_IN = (str, int, float, dict, *_ITEMS, bytes)
_IMPORTED = (("decimal", "Decimal"), ("datetime", "datetime"), ("datetime", "date"))
"""Module and name of the other types. `datetime` comes before `date`, because it is a subclass of `date`."""


def _bases() -> tuple[type, ...]:
    """Return the types that are compared by content. Without the import of its module, no value can have a type."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _IMPORTED)
    return (*_BUILT_IN, *(each for each in found if isinstance(each, type)))


def _scalar(value: Any, base: Any) -> Any:
    if base is str:
        text = str.__str__(value)
        return text if _is_text(text) else {"$object": "a str with lone surrogates"}
    if base is int:
        whole = int.__int__(value)
        long = {"$int": str(whole)} if whole.bit_length() <= INT_DIGITS_MAX * 3 else {"$object": "an int too long"}
        return whole if abs(whole) <= EXACT_INT_MAX else long
    if base is float:
        number = float.__float__(value)
        return number if math.isfinite(number) else {"$float": str(number)}
    if base is bytes:
        return {"$bytes": _base64(bytes.__getitem__(value, slice(None)))}
    if base.__name__ == "Decimal":
        return {"$decimal": base.__str__(value)}
    if base.__name__ == "datetime" and type(base.tzinfo.__get__(value)) not in (
        type(None),
        sys.modules["datetime"].timezone,
    ):
        return {"$object": "a datetime with another time zone than datetime.timezone"}
    return {f"${base.__name__}": base.isoformat(value)}


def _base64(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()


def decode(value: Any) -> Any:
    """Return the Python value of an argument encoded as JSON with tags."""
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((tag, payload),) = value.items()
        if tag in _MADE:
            return _MADE[tag](payload)
    return {key: decode(item) for key, item in value.items()}


_MADE: dict[str, Any] = {
    "$tuple": lambda payload: tuple(decode(payload)),
    "$set": lambda payload: set(decode(payload)),
    "$frozenset": lambda payload: frozenset(decode(payload)),
    "$bytes": binascii.a2b_base64,
    "$decimal": lambda payload: importlib.import_module("decimal").Decimal(payload),
    "$date": lambda payload: importlib.import_module("datetime").date.fromisoformat(payload),
    "$datetime": lambda payload: importlib.import_module("datetime").datetime.fromisoformat(payload),
    "$float": float,
    "$int": int,
    "$dict": lambda payload: {decode(key): decode(item) for key, item in payload},
}


def _name_of(kind: type) -> str:
    """Return module and name of a class, or a fixed text if the class raises an error or has no valid name."""
    name, raised = _attempt(lambda: f"{kind.__module__}.{kind.__qualname__}"[:200])
    return name if raised is None and _is_text(name) else "an unnamed class"


def _names_of(kind: type) -> list[str]:
    """Return the names that a case may use for an exception's class. Names of builtins mean only the builtins."""
    bare, full = kind.__name__, _name_of(kind)
    genuine = getattr(builtins, bare, None)
    fake = isinstance(genuine, type) and genuine is not kind
    if fake:
        return [] if full.startswith("builtins.") else [full]
    return [bare, full]


def _said(error: BaseException) -> str:
    text, raised = _attempt(lambda: str(error))
    return text[:MESSAGE_CHARS_MAX] if raised is None and type(text) is str and _is_text(text) else ""


def _attempt(act: Any) -> tuple[Any, BaseException | None]:
    """Call code under test. Return its result and None, or None and the exception that it raised."""
    try:
        return act(), None
    except BaseException as error:
        return None, error


class CaseSteps:
    """Runner of the steps of one case, in one process and one folder."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.folder: str = order["folder"]
        self.bound: dict[str, Any] = {}

    def play(self, step: dict[str, Any], expected: str) -> dict[str, Any]:
        """Run one step. `expected` is bait: code that answers with it has searched this worker's stack frames."""
        self._write(step["before"])
        before = self._files(step["watch"])
        seen = self._run(step) if step["action"] == "run" else self._call(step, expected)
        return {**seen, "before": before, "files": self._files(step["watch"])}

    def _call(self, step: dict[str, Any], expected: str) -> dict[str, Any]:
        target = step["target"]
        stage = "import"
        if target.startswith("$"):
            stage = "lookup"
            name, _, path = target[1:].partition(".")
            found, error = _attempt(lambda: self.bound[name])
        else:
            module, _, path = target.partition(":")
            found, error = _attempt(lambda: importlib.import_module(module))
        if error is None:
            stage = "lookup"
            found, error = _attempt(lambda: _attribute(found, path))
        if error is None:
            stage = "call"
            args, kwargs = decode(step["args"]), {key: decode(item) for key, item in step["kwargs"].items()}
            function = found
            found, error = _attempt(lambda: function(*args, **kwargs))
        del expected
        if error is not None:
            names = [_names_of(kind) for kind in type(error).__mro__]
            shown = _name_of(type(error)).removeprefix("builtins.")
            return {"did": "raised", "stage": stage, "names": names, "name": shown, "message": _said(error)}
        if step["bind"]:
            self.bound[step["bind"]] = found
        value, error = _attempt(lambda: Encoder().encode(found))
        return {"did": "returned", "value": value if error is None else {"$object": "a value that cannot be read"}}

    def _run(self, step: dict[str, Any]) -> dict[str, Any]:
        import subprocess
        import tempfile

        program = os.path.join(PROGRAMS, os.path.basename(step["argv"][0]))
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin.write((step["stdin"] or "").encode())
            stdin.seek(0)
            done, error = _attempt(
                lambda: subprocess.run(
                    step["argv"],
                    executable=program if os.path.exists(program) else None,
                    stdin=stdin,
                    stdout=out,
                    stderr=err,
                    cwd=self.folder,
                    env={**os.environ, **step["env"]},
                    check=False,
                )
            )
            if error is not None:
                return {"did": "raised", "stage": "import", "names": [], "name": "", "message": _said(error)}
            texts = [_content(each.fileno()) for each in (out, err)]
        over = any(text is None for text in texts)
        return {"did": "ran", "exit": done.returncode, "stdout": texts[0], "stderr": texts[1], "over": over}

    def _write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            where = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            with open(where, "wb") as file:
                file.write(text.encode())

    def _files(self, paths: list[str]) -> dict[str, Any]:
        return {path: self._file(os.path.join(self.folder, path)) for path in paths}

    def _file(self, where: str) -> Any:
        """Return a file's content as text or tagged bytes, None if it is missing, or a tag if it is no regular file."""
        if not os.path.lexists(where):
            return None
        if os.path.islink(where) or not os.path.isfile(where):
            return {"$object": "no plain file"}
        content, error = _attempt(lambda: os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        if error is not None:
            return {"$object": "a file that cannot be read"}
        found = _content(content)
        os.close(content)
        return {"$object": f"a file of more than {FILE_BYTES_MAX} bytes"} if found is None else found


def _content(descriptor: int) -> Any:
    """Return the whole content as text, or as tagged bytes if it is not UTF-8. Return None if it is too long."""
    content = os.pread(descriptor, FILE_BYTES_MAX + 1, 0)
    if len(content) > FILE_BYTES_MAX:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"$bytes": _base64(content)}


def _attribute(found: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        found = getattr(found, name)
    return found


class _Syntax:
    """The options with which the C part of the module `json` reads JSON."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def json_functions() -> tuple[Callable[[str], Any], Callable[[Any], str]]:
    """Return a reader and a writer of JSON: those of the C part of `json`, or of `json` if Python has no such part."""
    try:
        c = importlib.import_module("_json")
        scan, text = c.make_scanner(_Syntax), c.encode_basestring_ascii
        chunks = c.make_encoder({}, None, text, None, ": ", ", ", False, False, True)
        if (scan('{"a": [1]}', 0)[0], "".join(chunks(["a", {"b": None}], 0))) == ({"a": [1]}, '["a", {"b": null}]'):
            return (lambda order: scan(order.strip(), 0)[0]), (lambda value: "".join(chunks(value, 0)))
    except (ImportError, AttributeError, TypeError):
        pass
    json = importlib.import_module("json")
    return json.loads, json.dumps


def _load_what_steps_need(order: str) -> None:
    """Import the modules of values in the order. The imports come before the project's folder is on the path, because
    the project may have modules of the same names.
    """
    for tag, module in (("$decimal", "decimal"), ("$date", "datetime")):
        if f'"{tag}' in order:
            importlib.import_module(module)


def _load_what_runs() -> None:
    """Import the modules that `run` steps need, and protect this process's memory from the command.

    The command runs as the same user as this process, so it could otherwise read and write this process's memory.
    """
    for name in ("subprocess", "tempfile"):
        importlib.import_module(name)
    ctypes = importlib.import_module("ctypes")
    _attempt(lambda: ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0))


def main() -> None:
    """Read the order, run its steps and answer once. After the answer, no code under test runs."""
    loads, dumps = json_functions()
    write, leave, clock = os.write, os._exit, time.monotonic
    text = sys.stdin.buffer.read().decode()
    order = loads(text)
    _load_what_steps_need(text)
    channel = os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.makedirs(order["folder"], exist_ok=True)
    os.chdir(order["folder"])
    if any(step["action"] == "run" for step in order["steps"]):
        _load_what_runs()
    sys.path[:0] = [order["project"], os.path.join(order["project"], "src")]
    sys.argv[:] = ["case"]
    case = CaseSteps(order)
    started = clock()
    seen = [case.play(step, step["expected"]) for step in order["steps"]]
    answer = f"{order['nonce']} {dumps({'steps': seen, 'took_s': clock() - started})}\n".encode()
    while answer:
        answer = answer[write(channel, answer) :]
    leave(0)


if __name__ == "__main__":
    main()
