"""An oracle for the judge: it runs code in a process without a box, and compares results by its own rules.

It shares only the parsed requirement with the judge. It is for honest code only.
"""

import ast
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from verification.requirements.model import Case, Criterion, Request, Requirement, Serve, Step

HANGS_S = 3.0
MEMORY_BYTES_MAX = 1 << 30
READY_S = 3.0

_LIMITED = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES_MAX}, {MEMORY_BYTES_MAX}))\n"
_PLAYS = f"""{_LIMITED}
import importlib, json, sys
folder, steps = json.loads(sys.stdin.read())
sys.path.insert(0, folder)
bound, told = {{}}, []
for step in steps:
    where, _, name = step["target"].partition(":")
    if where.startswith("$"):
        where, _, name = where[1:].partition(".")
        owner = bound[where]
    else:
        owner = importlib.import_module(where)
    try:
        value = getattr(owner, name)(*step["args"], **step["kwargs"])
    except Exception as error:
        told.append(("raised", type(error).__name__, str(error)))
    else:
        bound[step["bind"]] = value
        told.append(("returned", "" if step["bind"] else repr(value), ""))
print("told", json.dumps(told))
"""
_STARTS = f"""{_LIMITED}
import importlib, sys
folder, module, function, *argv = sys.argv[1:]
sys.path.insert(0, folder)
sys.argv = argv
sys.exit(getattr(importlib.import_module(module), function)())
"""


def failing(requirement: Requirement, files: Mapping[str, bytes], criteria: list[Criterion]) -> dict[bool, bool]:
    """Return whether a sealed case fails (key True) and whether a visible case fails (key False)."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        found = {False: False, True: False}
        for number, (sealed, case) in enumerate(_cases(criteria)):
            own = Path(place) / str(number)
            own.mkdir()
            found[sealed] = found[sealed] or not _passes(case, requirement, folder, own)
        return found


def _cases(criteria: list[Criterion]) -> Iterator[tuple[bool, Case]]:
    for criterion in criteria:
        yield from ((False, case) for case in criterion.cases)
        yield from ((True, case) for case in criterion.sealed)


def _passes(case: Case, requirement: Requirement, folder: Path, own: Path) -> bool:
    try:
        if case.asks_service:
            assert requirement.serve is not None
            return _served(case, requirement.serve, folder, own)
        if case.steps[0].action == "run":
            return all(_ran(step, requirement.command or "", folder, own) for step in case.steps)
        return _called(case, folder)
    except (subprocess.TimeoutExpired, OSError, http.client.HTTPException):
        return False


def same(wanted: Any, found: Any) -> bool:
    """Whether two values are equal and have the same types at every level."""
    if isinstance(wanted, dict) and "$any" in wanted:
        return True
    if isinstance(wanted, dict) and "$matches" in wanted:
        return isinstance(found, str) and re.search(wanted["$matches"], found) is not None
    if type(wanted) is not type(found):
        return False
    if isinstance(wanted, list):
        return len(wanted) == len(found) and all(map(same, wanted, found))
    if isinstance(wanted, dict):
        return set(wanted) == set(found) and all(same(wanted[key], found[key]) for key in wanted)
    return bool(wanted == found)


def _called(case: Case, folder: Path) -> bool:
    steps = [
        {"target": step.target, "args": list(step.args), "kwargs": dict(step.kwargs), "bind": step.bind}
        for step in case.steps
    ]
    asked = json.dumps([str(folder), steps])
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PLAYS], input=asked, capture_output=True, text=True, timeout=HANGS_S
    )
    last = done.stdout.splitlines()[-1:]
    if done.returncode != 0 or not last or not last[0].startswith("told "):
        return False
    told = json.loads(last[0].removeprefix("told "))
    return all(_as_wanted(step, *each) for step, each in zip(case.steps, told, strict=True))


def _as_wanted(step: Step, how: str, what: str, message: str) -> bool:
    expect = step.expect
    if how == "raised":
        return what == expect.raises and re.search(expect.message_matches or "", message) is not None
    if expect.raises is not None:
        return False
    if expect.returns is msgspec.UNSET:
        return True
    try:
        return same(expect.returns, ast.literal_eval(what))
    except (ValueError, SyntaxError):
        return False


def _ran(step: Step, command: str, folder: Path, own: Path) -> bool:
    module, _, function = command.partition("=")[2].strip().partition(":")
    for path, text in step.files_before.items():
        (own / path).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-c", _STARTS, str(folder), module, function, *step.argv],
        input=(step.stdin or "").encode(),
        capture_output=True,
        timeout=HANGS_S,
        cwd=own,
        env={"LANG": "C.UTF-8", **step.env},
    )
    expect = step.expect
    texts = ((expect.stdout, done.stdout), (expect.stderr, done.stderr))
    left = {path.name: path.read_text(encoding="utf-8") for path in own.iterdir()}
    return (
        done.returncode == expect.exit
        and all(wanted is None or wanted.encode() == found for wanted, found in texts)
        and all(left.get(path) == text for path, text in expect.files_after.items())
        and all(left.get(path) == step.files_before[path] for path in expect.files_unchanged)
        and not any(path in left for path in expect.files_absent)
    )


@contextlib.contextmanager
def _service(serve: Serve, folder: Path, own: Path) -> Iterator[int]:
    """Yield the port of the service when it is ready. Only its data folder outlives it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environment = {**os.environ, "PORT": str(port), "DATA": str(own), "PYTHONPATH": str(folder)}
    argv = [sys.executable, *serve.run[1:]]
    place = tempfile.mkdtemp(dir=own.parent)
    process = subprocess.Popen(argv, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + READY_S
        while not _is_ready(port, serve.ready):
            if process.poll() is not None or time.monotonic() > until:
                raise OSError("it is not ready")
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(HANGS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(port: int, path: str) -> bool:
    try:
        return 200 <= _asked(port, "GET", path, None)[0] <= 299
    except (OSError, http.client.HTTPException):
        return False


def _served(case: Case, serve: Serve, folder: Path, own: Path) -> bool:
    saved: dict[str, Any] = {}
    lives: list[list[Request]] = [[]]
    for step in case.steps:
        if step.request is None:
            lives.append([])
        else:
            lives[-1].append(step.request)
    for life in lives:
        with _service(serve, folder, own) as port:
            for request in life:
                numbers = range(1, request.parallel + 1)
                with ThreadPoolExecutor(request.parallel) as pool:
                    answers = list(pool.map(lambda n, request=request: _one(port, request, {**saved, "n": n}), numbers))
                if None in answers:
                    return False
                for name, path in request.save.items():
                    saved[name] = answers[0][path.partition(".")[2]]
    return True


def _one(port: int, request: Request, saved: dict[str, Any]) -> Any:
    """Return the JSON of the answer, or `{}` for an empty body, or None if the answer is not as expected."""
    body: bytes | None = None
    if request.json is not msgspec.UNSET:
        body = json.dumps(_filled(request.json, saved)).encode()
    elif request.send is not None:
        body = str(request.send).encode()
    status, kind, content = _asked(port, request.method, str(_filled(request.target, saved, whole=False)), body)
    reply = request.reply
    if status != reply.status and (reply.status is not None or not 200 <= status <= 299):
        return None
    if "content-type" in reply.headers and not same(reply.headers["content-type"], kind):
        return None
    try:
        value = json.loads(content) if content else ""
    except ValueError:
        value = None
    wanted = reply.body
    if wanted is not msgspec.UNSET and not same(_filled(wanted, saved), value):
        return None
    if any(not isinstance(value, dict) or "id" not in value for _ in request.save):
        return None
    return value if value is not None else {}


def _asked(port: int, method: str, target: str, body: bytes | None) -> tuple[int, str, bytes]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS_S)
    with contextlib.closing(line):
        line.request(method, target, body, {"Content-Type": "application/json"} if body else {})
        answer = line.getresponse()
        if answer.msg.defects:
            raise http.client.HTTPException(f"no HTTP: {answer.msg.defects}")
        return answer.status, answer.getheader("content-type", ""), answer.read()


def _filled(value: Any, saved: dict[str, Any], *, whole: bool = True) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, saved) for key, item in value.items()} if "$matches" not in value else value
    if isinstance(value, list):
        return [_filled(item, saved) for item in value]
    if isinstance(value, str):
        if whole and (name := re.fullmatch(r"\$\{(\w+)\}", value)):
            return saved[name[1]]
        return re.sub(r"\$\{(\w+)\}", lambda found: str(saved[found[1]]), value)
    return value
