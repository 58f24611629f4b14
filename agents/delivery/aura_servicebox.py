"""Starts the service of this delivery, sends requests to it and restarts it. Each case has its own process."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING or __package__:
    from .aura_casebox import NOTHING, Matching, same
else:  # in a delivery, both files are in the folder of the tests
    from aura_casebox import NOTHING, Matching, same

READY_WAIT_S = 30.0
REQUEST_WAIT_S = 30.0
STOP_WAIT_S = 10.0
_PLACE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Service:
    """The service of one case. It starts at the first request and has its own data folder."""

    def __init__(self, root: Path, folder: Path, run: Sequence[str], ready: str) -> None:
        self.root, self.run, self.ready = root, run, ready
        self.data = folder / "data"
        self.saved: dict[str, Any] = {}
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def request(
        self,
        line: str,
        *,
        parallel: int = 1,
        save: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> None:
        """Send one request, or `parallel` requests at the same time. Compare the given parts of the response. Save
        values that later requests use as ${name}.
        """
        if self.process is None:
            self.start()
        with ThreadPoolExecutor(parallel) as pool:
            asked = [pool.submit(self._one, line, {**self.saved, "n": n}, **rest) for n in range(1, parallel + 1)]
            answers = [each.result() for each in asked]
        status, headers, body = answers[0]
        for name, path in (save or {}).items():
            first, *parts = path.split(".")
            value: Any = status if first == "status" else headers[".".join(parts)] if first == "headers" else body
            for part in parts if first == "body" else ():
                value = (json.loads(value) if isinstance(value, bytes) else value)[
                    int(part) if part.isdecimal() else part
                ]
            self.saved[name] = value.decode() if isinstance(value, bytes) else value

    def _one(
        self,
        line: str,
        saved: Mapping[str, Any],
        *,
        send: Any = NOTHING,
        value: Any = NOTHING,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        response_headers: Mapping[str, Any] | None = None,
        body: Any = NOTHING,
        body_contains: str | None = None,
        approx: float | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        method, _, target = line.partition(" ")
        given = {name: filled_text(text, saved) for name, text in (headers or {}).items()}
        content = b"" if send is NOTHING else send if isinstance(send, bytes) else filled_text(send, saved).encode()
        if value is not NOTHING:
            content = json.dumps(filled(value, saved)).encode()
            given.setdefault("Content-Type", "application/json")
        found_status, found, raw = self._asked(method, filled_text(target, saved, in_path=True), content, given)
        told = f"{line} was answered with {found_status} {raw[:300]!r}"
        assert found_status == status if status is not None else 200 <= found_status <= 299, told
        for name, wanted in (response_headers or {}).items():
            assert name in found, told
            assert same(filled(wanted, saved), found[name]), f"{told} and {name}: {found[name]}"
        if body_contains is not None:
            assert filled_text(body_contains, saved) in raw.decode(errors="replace"), told
        if body is not NOTHING:
            wanted = filled(body, saved)
            assert same(wanted, _value(raw, found.get("content-type", ""), wanted), approx), told
        return found_status, found, raw

    def _asked(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_WAIT_S)
        try:
            line.putrequest(method, target)
            sized = {"Content-Length": str(len(body))} if body or method in ("POST", "PUT", "PATCH") else {}
            for name, text in {"Connection": "close", **sized, **headers}.items():
                line.putheader(name, text)
            line.endheaders(body or None)
            answer = line.getresponse()
            return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
        finally:
            line.close()

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.data.mkdir(exist_ok=True)
        path = os.pathsep.join([str(self.root), str(self.root / "src")])
        env = {**os.environ, "PORT": str(self.port), "DATA": str(self.data), "PYTHONPATH": path}
        words = [filled_text(word, env) for word in self.run]
        words[0] = sys.executable if words[0] in ("python", "python3") else words[0]
        self.process = subprocess.Popen(words, cwd=self.root, env=env, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_WAIT_S
        while True:
            try:
                if 200 <= self._asked("GET", self.ready, b"", {})[0] <= 299:
                    return
            except (OSError, http.client.HTTPException):
                pass
            assert self.process.poll() is None, f"the service ended with exit code {self.process.returncode}"
            assert time.monotonic() < deadline, "the service was not ready in time"
            time.sleep(0.05)

    def restart(self) -> None:
        """Stop the service and start it again with the same data folder."""
        if self.process is None:
            self.start()
        self.stop()
        self.start()

    def stop(self) -> None:
        """Send SIGTERM to the service. Kill it if it does not stop within STOP_WAIT_S seconds."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def filled(value: Any, saved: Mapping[str, Any]) -> Any:
    """Replace ${name} by the saved value. If the text is only ${name}, return the value itself."""
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        return saved[whole[2]] if whole and not whole[1] else filled_text(value, saved)
    if isinstance(value, dict):
        return {filled_text(key, saved): filled(item, saved) for key, item in value.items()}
    return [filled(item, saved) for item in value] if isinstance(value, list) else value


def filled_text(text: str, saved: Mapping[str, Any], *, in_path: bool = False) -> str:
    """Replace placeholders within a text. $${name} becomes ${name}."""

    def put(found: "re.Match[str]") -> str:
        if found[1]:
            return found[0][1:]
        value = saved[found[2]]
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        return quote(shown, safe="") if in_path else shown

    return _PLACE.sub(put, text)


def _value(raw: bytes, kind: str, wanted: Any) -> Any:
    """Return a body in the form of the expected value: JSON, text or bytes."""
    if isinstance(wanted, bytes):
        return raw
    is_text = isinstance(wanted, str | Matching)
    kind = kind.partition(";")[0].strip().lower()
    if is_text and not (raw and (kind == "application/json" or kind.endswith("+json"))):
        return raw.decode()
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return NOTHING
