"""The judge's worker. It runs one case in the box and answers with the results. It uses only the standard library.

It reads the order (JSON) from standard input and writes one line, nonce and JSON, to the original standard output.
The code under test shares this process and can change everything in it, but gains nothing: the process contains no
expected value, and the code could return a value directly instead of forging an answer with it.

The start of this worker is a large part of the time of a case. So it imports few modules: `typing`, `re` (which `json`
and `base64` import) and `decimal` would take longer than the start of Python itself.
"""

import builtins
import importlib
import os
import sys
import time

from verification.in_box.tagged_values import (
    Encoder,
    attempt,
    base64_of,
    decode,
    is_text,
    json_functions,
    load_modules_of,
    name_of,
)

TYPE_CHECKING = False  # the name that type checkers take for true
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object

FILE_BYTES_MAX = 1024 * 1024
MESSAGE_CHARS_MAX = 4000
PROGRAMS = "/aura/bin"
SET_DUMPABLE = 4  # option of prctl


def _names_of(kind: type) -> list[str]:
    """Return the names that a case may use for an exception's class. Names of builtins mean only the builtins."""
    bare, full = kind.__name__, name_of(kind)
    genuine = getattr(builtins, bare, None)
    fake = isinstance(genuine, type) and genuine is not kind
    if fake:
        return [] if full.startswith("builtins.") else [full]
    return [bare, full]


def _said(error: BaseException) -> str:
    text, raised = attempt(lambda: str(error))
    return text[:MESSAGE_CHARS_MAX] if raised is None and type(text) is str and is_text(text) else ""


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
            found, error = attempt(lambda: self.bound[name])
        else:
            module, _, path = target.partition(":")
            found, error = attempt(lambda: importlib.import_module(module))
        if error is None:
            stage = "lookup"
            found, error = attempt(lambda: _attribute(found, path))
        if error is None:
            stage = "call"
            args, kwargs = decode(step["args"]), {key: decode(item) for key, item in step["kwargs"].items()}
            function = found
            found, error = attempt(lambda: function(*args, **kwargs))
        del expected
        if error is not None:
            names = [_names_of(kind) for kind in type(error).__mro__]
            shown = name_of(type(error)).removeprefix("builtins.")
            return {"did": "raised", "stage": stage, "names": names, "name": shown, "message": _said(error)}
        if step["bind"]:
            self.bound[step["bind"]] = found
        value, error = attempt(lambda: Encoder().encode(found))
        return {"did": "returned", "value": value if error is None else {"$object": "a value that cannot be read"}}

    def _run(self, step: dict[str, Any]) -> dict[str, Any]:
        import subprocess
        import tempfile

        program = os.path.join(PROGRAMS, os.path.basename(step["argv"][0]))
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin.write((step["stdin"] or "").encode())
            stdin.seek(0)
            done, error = attempt(
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
        content, error = attempt(lambda: os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
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
        return {"$bytes": base64_of(content)}


def _attribute(found: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        found = getattr(found, name)
    return found


def _load_what_runs() -> None:
    """Import the modules that `run` steps need, and protect this process's memory from the command.

    The command runs as the same user as this process, so it could otherwise read and write this process's memory.
    """
    for name in ("subprocess", "tempfile"):
        importlib.import_module(name)
    ctypes = importlib.import_module("ctypes")
    attempt(lambda: ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0))


def main() -> None:
    """Read the order, run its steps and answer once. After the answer, no code under test runs."""
    loads, dumps = json_functions()
    write, leave, clock = os.write, os._exit, time.monotonic
    text = sys.stdin.buffer.read().decode()
    order = loads(text)
    load_modules_of(text)
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
