"""Parser of `request` and `restart` steps."""

import re
from collections.abc import Container
from typing import Any

import msgspec

from verification.requirements.fields import Fields
from verification.requirements.literals import Literals
from verification.requirements.model import Reply, Request, Step
from verification.requirements.placeholders import NAME, NUMBER, names_in
from verification.requirements.tags import COLLECTIONS, SCALARS
from verification.requirements.yaml_tree import Node, Scalar

PARALLEL_MAX = 64
RESTARTS_MAX = 5  # in one case
TARGET_CHARS_MAX = 2000
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

KEYS: dict[str, dict[str, str]] = {
    "request": {
        "request": '"POST /items"',
        "json": "{name: value}",
        "send": '"text"',
        "headers": '{Accept: "text/plain"}',
        "parallel": "50",
        "status": "201",
        "response_headers": "{Content-Type: {$matches: '^application/json'}}",
        "body": "{id: {$any: true}}",
        "body_contains": '"text"',
        "approx": "0.001",
        "save": "{id: body.id}",
    },
    "restart": {"restart": "true"},
}
_REQUEST = re.compile(rf"({'|'.join(METHODS)}) (/[!-~]*)")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN = frozenset({"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"})
_PATH = re.compile(r"status|headers\.[A-Za-z0-9-]+|body(\.[^.\s]+)*")


class RequestReader:
    """Reader of `request` and `restart` steps. `served`: whether the requirement defines how its service starts."""

    def __init__(self, literals: Literals, *, served: bool) -> None:
        self.literals = literals
        self.report = literals.report
        self.served = served

    def step(self, fields: Fields, action: str, known: dict[str, Node], *, alone: bool) -> Step:
        """Return one step. `known` contains the names that earlier steps saved. This step adds its own names."""
        at = fields.get(action) or fields.node
        if not self.served:
            remedy = 'deliver: http, with serve: {run: ["python3", "-m", "notes"], ready: "GET /health", data: /data}'
            self.report.add(at, f"`{action}` needs a service", remedy)
        if action == "restart":
            if not fields.flag("restart"):
                self.report.add(at, "`restart` must be true", "restart: true")
            elif alone:
                self.report.add(
                    at, "`restart` must be a step between other steps", "steps: [{request: …}, {restart: true}, …]"
                )
            return Step(action="restart")
        return Step(action="request", request=self._request(fields, known))

    def check_together(self, steps: list[Step], node: Node) -> None:
        """Report a case that sends requests and also calls code. The service and the code run in separate sandboxes."""
        kinds = [step.action in KEYS for step in steps[-2:]]
        if len(set(kinds)) > 1:
            self.report.add(node, "one case must not both send requests and call code", "two cases")
        restarts = sum(step.action == "restart" for step in steps)
        if restarts == RESTARTS_MAX + 1 and steps[-1].action == "restart":
            self.report.add(node, f"more than {RESTARTS_MAX} restarts in one case", "a shorter case")

    def _request(self, fields: Fields, known: dict[str, Node]) -> Request:
        text = fields.text("request", required=True) or ""
        found = _REQUEST.fullmatch(text)
        if text and (found is None or len(text) > TARGET_CHARS_MAX):
            at = fields.get("request") or fields.node
            self.report.add(at, f"`{text[:60]}` is not a method and a path", fields.line("request"))
        parallel = int(fields.number("parallel", 1, PARALLEL_MAX, whole=True) or 1)
        names = {*known, *([NUMBER] if fields.has("parallel") else [])}
        json = self._value(fields, "json", expected=False)
        if json is not msgspec.UNSET and (tag := _tag_in(json)) is not None:
            self.report.add(fields.get("json") or fields.node, f"`{tag}` cannot be written in JSON", "a JSON value")
        request = Request(
            method=found[1] if found else "GET",
            target=found[2] if found else "/",
            headers=self._headers(fields),
            json=json,
            send=self._send(fields),
            parallel=parallel,
            save=self._save(fields, known, parallel),
            reply=self._reply(fields),
        )
        self._check_names(fields, request, names)
        return request

    def _check_names(self, fields: Fields, request: Request, names: Container[str]) -> None:
        """Report every `${name}` that no earlier step saved. Tagged values are not checked."""
        reply = request.reply
        texts = {"request": request.target, "headers": [value for _, value in request.headers], "send": request.send}
        texts |= {"json": request.json, "body": reply.body, "body_contains": reply.body_contains}
        texts["response_headers"] = list(reply.headers.values())
        for field, value in texts.items():
            for name in names_in(value):
                if name not in names:
                    message = f"`${{{name[:40]}}}` was not saved by an earlier step"
                    remedy = (
                        f"save: {{{name[:40]}: body.id}} in a step before it, or $${{{name[:40]}}} for the text itself"
                    )
                    self.report.add(fields.get(field) or fields.node, message, remedy)

    def _headers(self, fields: Fields) -> tuple[tuple[str, str], ...]:
        node = fields.mapping("headers")
        read: list[tuple[str, str]] = []
        for entry in node.entries if node is not None else ():
            name = self._header(entry.key)
            if name in _OWN:
                self.report.add(
                    entry.key, f"the judge sets the header `{name}` itself", "only the other headers, without this one"
                )
            value = self.literals.text(entry.value, entry.key.text[:60], '"value"') or ""
            if not value.isprintable() or not value.isascii():
                self.report.add(
                    entry.value, "a header's value must be printable ASCII", f'{entry.key.text[:60]}: "value"'
                )
            read.append((entry.key.text, value))
        return tuple(read)

    def _header(self, key: Scalar) -> str:
        if not _TOKEN.fullmatch(key.text):
            self.report.add(key, f"`{key.text[:60]}` is not the name of a header", 'X-Name: "value"')
        return key.text.lower()

    def _send(self, fields: Fields) -> Any:
        node = fields.get("send")
        if node is None:
            return None
        if fields.has("json"):
            self.report.add(node, "a request has only one body", "only one of `json` or `send`")
        value = self.literals.value(node, expected=False)
        if isinstance(value, str) or (isinstance(value, dict) and list(value) == ["$bytes"]):
            return value
        self.report.add(
            node, "`send` must be text or bytes", 'send: "text" or {$bytes: "aGVsbG8="}, or use `json` for other values'
        )
        return None

    def _save(self, fields: Fields, known: dict[str, Node], parallel: int) -> dict[str, str]:
        node = fields.mapping("save")
        saved: dict[str, str] = {}
        for entry in node.entries if node is not None else ():
            name, path = entry.key.text, entry.value.text if isinstance(entry.value, Scalar) else ""
            if not re.fullmatch(NAME, name) or name == NUMBER:
                self.report.add(entry.key, f"`{name[:60]}` is not a name for a saved value", "save: {id: body.id}")
            elif not _PATH.fullmatch(path):
                remedy = "body.id, body.items.0.id, headers.location or status"
                self.report.add(entry.value, f"`{path[:60]}` is not a place in a response", remedy)
            else:
                saved[name] = path
        if saved and parallel > 1 and node is not None:
            message = "parallel requests have many responses, so there is no single value to save"
            self.report.add(node, message, "a request of its own after this step")
        known.update(dict.fromkeys(saved, fields.node))
        return saved

    def _reply(self, fields: Fields) -> Reply:
        seen: dict[str, Any] = {}
        if (status := fields.number("status", 100, 599, whole=True)) is not None:
            seen["status"] = int(status)
        node = fields.mapping("response_headers")
        wanted: dict[str, Any] = {}
        for entry in node.entries if node is not None else ():
            value = self.literals.value(entry.value, expected=True)
            if not isinstance(value, str) and not (isinstance(value, dict) and {"$matches", "$any"} & set(value)):
                self.report.add(
                    entry.value, "a header must be text", f'{entry.key.text[:60]}: "value" or {{$matches: …}}'
                )
            wanted[self._header(entry.key)] = value
        seen["body"] = self._value(fields, "body", expected=True)
        seen["body_contains"] = fields.text("body_contains")
        if (approx := fields.number("approx", 0, 1e12)) is not None:
            seen["approx"] = float(approx)
        return Reply(headers=wanted, **seen)

    def _value(self, fields: Fields, name: str, *, expected: bool) -> Any:
        node = fields.get(name)
        return msgspec.UNSET if node is None else self.literals.value(node, expected=expected)


def _tag_in(value: Any) -> str | None:
    """Return the first tag in a value that JSON cannot express, or None."""
    if isinstance(value, dict):
        found = next((key for key in value if key in (*COLLECTIONS, *SCALARS, "$dict")), None)
        return found or next((tag for item in value.values() if (tag := _tag_in(item))), None)
    return next((tag for item in value if (tag := _tag_in(item))), None) if isinstance(value, list) else None
