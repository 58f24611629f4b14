"""Attacks on `as_of`, keys of commands, names, MCP, commands of the command line, and texts that people see."""

import asyncio
import json
import logging

import pytest

from director.http.sign_in import SIGN_INS_MAX
from director.services import people
from governance import credentials
from tests.attacks.http_bytes import exchange, request
from tests.attacks.stranger import ATTACK, CONTROL, Outcome, Scene, attack, bearer, comment, key, reading
from tests.integration.test_http_api import SECRET


@attack("as_of: a reader without the right of today reads an earlier state")
async def right_of_before(scene: Scene) -> Outcome:
    await people.add_user(scene.opened, "demoted", ["viewer"])
    async with scene.client(**bearer(await scene.token("demoted", "read"))) as client:
        seq = await scene.opened.store.recorded_up_to()
        before = (await client.get("/api/runs", params={"as_of": seq})).status_code
        await people.change_roles(scene.opened, "demoted", grant=[], revoke=["viewer"], reason=CONTROL)
        statuses = [
            (await client.get(path, params={"as_of": seq})).status_code
            for path in ("/api/runs", f"/api/runs/{scene.run}", "/api/events", "/api/rights", "/runs/" + scene.run)
        ]
        return min(statuses), before


def as_of(name: str, value: str) -> None:
    @attack(f"as_of: {name}")
    async def run(scene: Scene) -> Outcome:
        async with scene.client(**bearer(await scene.token("viewer", "read"))) as client:
            statuses = [
                (await client.get(path, params={"as_of": value})).status_code
                for path in ("/api/runs", f"/api/runs/{scene.run}", "/api/events/newest", "/runs/" + scene.run)
            ]
            return min(statuses), (await client.get("/api/runs", params={"as_of": "3"})).status_code


as_of("a negative position", "-1")
as_of("a position that does not exist yet", "999999")
as_of("a number of 40 digits", "9" * 40)
as_of("a text", "now() --")


@attack("as_of: a command in an earlier state, in which it was permitted")
async def command_as_of(scene: Scene) -> Outcome:
    async with (
        scene.client(**bearer(await scene.token("viewer", "submit"))) as client,
        scene.client(**bearer(await scene.token("director", "submit"))) as right,
    ):
        got = await client.post(scene.path, params={"as_of": "1"}, json={"text": ATTACK}, headers=key())
        return got.status_code, await comment(scene, right, CONTROL)


@attack("key: the answer to the command of another person")
async def key_of_another(scene: Scene) -> Outcome:
    same = key()
    async with (
        scene.client(**bearer(await scene.token("director", "submit"))) as owner,
        scene.client(**bearer(await scene.token("operator", "submit"))) as other,
    ):
        done = await owner.post(scene.path, json={"text": CONTROL}, headers=same)
        got = await other.post(scene.path, json={"text": CONTROL}, headers=same)
        return got.status_code, done.status_code


@attack("key: a person without the right sends the key of a command that was permitted")
async def key_without_right(scene: Scene) -> Outcome:
    same = key()
    async with (
        scene.client(**bearer(await scene.token("director", "submit"))) as owner,
        scene.client(**bearer(await scene.token("viewer", "submit"))) as other,
    ):
        done = await owner.post(scene.path, json={"text": CONTROL}, headers=same)
        return (await other.post(scene.path, json={"text": CONTROL}, headers=same)).status_code, done.status_code


def of_key(name: str, *headers: str) -> None:
    @attack(f"key: {name}")
    async def run(scene: Scene) -> Outcome:
        token = f"Authorization: Bearer {await scene.token('director', 'submit')}"
        line, body = f"POST {scene.path} HTTP/1.1", b'{"text": "%s"}' % ATTACK.encode()
        plain = (token, "Content-Type: application/json", f"Content-Length: {len(body)}")
        got = await exchange(scene.place, request(scene.place, line, *plain, *headers, body=body))
        async with scene.client(**bearer(await scene.token("director", "submit"))) as client:
            return got.status, await comment(scene, client, CONTROL)


FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
of_key("none")
of_key("a text", "Idempotency-Key: attack")
of_key("the id of nothing", "Idempotency-Key: 00000000-0000-0000-0000-000000000000")
of_key("two keys", f"Idempotency-Key: {FIRST}", f"Idempotency-Key: {SECOND}")


@attack("name: the answer tells which names exist")
async def enumeration(scene: Scene) -> Outcome:
    await people.add_user(scene.opened, "gone", ["viewer"])
    await people.disable_user(scene.opened, "gone", CONTROL)
    async with scene.client() as client:
        answers = []
        for name in ("director", "nobody-at-all", "guest\u200b", "DIRECTOR", "gone"):
            answers.append(await client.post("/auth/sign-in", json={"name": name, "password": "wrong password"}))
        different = {(each.status_code, each.text, tuple(sorted(each.headers))) for each in answers}
        done = await client.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        return (401 if len(different) == 1 else 200), done.status_code


@attack("name: 40 passwords at the same time, so that the limit counts too late")
async def race(scene: Scene) -> Outcome:
    async with scene.client() as client, scene.client() as other:
        tries = (
            client.post("/auth/sign-in", json={"name": "approver", "password": f"wrong password {number}"})
            for number in range(40)
        )
        statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
        done = await other.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        return (429 if statuses.count(401) <= SIGN_INS_MAX else 200), done.status_code


@attack("name: another spelling of a name has its own limit")
async def spelling(scene: Scene) -> Outcome:
    """Only one spelling is the name, so that others cannot try its password."""
    statuses, accepted = set(), 0
    for name in ("Operator", " operator", "operator ", "operator\u200b", "\uff4fperator"):
        async with scene.client() as client:
            got = await client.post("/auth/sign-in", json={"name": name, "password": SECRET})
            statuses.add(got.status_code)
            done = await client.post("/auth/sign-in", json={"name": "operator", "password": SECRET})
            accepted += done.status_code == 200
    return (min(statuses) if statuses <= {400, 401} else 200), 200 if accepted == 5 else 0


async def mcp(scene: Scene, method: str = "POST", body: object = None, **headers: str) -> tuple[int, str]:
    """Send a call to /mcp, and return status and text of the answer."""
    async with scene.client(Accept="application/json, text/event-stream") as client:
        answer = await client.request(method, "/mcp", json=body, headers=headers)
        return answer.status_code, answer.text


LISTED = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HALTED = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "halt", "arguments": {"reason": ATTACK}},
}


def at_mcp(name: str, body: object = LISTED, method: str = "POST", **headers: str) -> None:
    @attack(f"mcp: {name}")
    async def run(scene: Scene) -> Outcome:
        right = bearer(await scene.token("viewer", "read"))
        own = {word.replace("_", "-"): value for word, value in headers.items()}
        got, text = await mcp(scene, method, body, **(right if own.pop("Right", "") else {}), **own)
        if got == 200 and ('"isError":true' in text or '"error"' in text):
            got = 403
        return got, (await mcp(scene, body=LISTED, **right))[0]


at_mcp("without a token")
at_mcp("with a broken token", Authorization="Bearer x")
at_mcp("from another site", Right="1", Origin="https://evil.example")
at_mcp("of another host", Right="1", Host="evil.example")
at_mcp("GET opens a stream", method="GET", Right="1")
at_mcp("DELETE ends a session", method="DELETE", Right="1")
at_mcp("a halt with the scope read", HALTED, Right="1")
at_mcp("many calls in one", [LISTED, HALTED], Right="1")


@attack("mcp: the cookie of a director")
async def mcp_cookie(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        client.headers["Accept"] = "application/json, text/event-stream"
        got = await client.post("/mcp", json=HALTED)
        return got.status_code, (await client.get("/api/me")).status_code


def fault_of(text: str) -> object:
    """Return the fault in the last line of a command's answer."""
    return json.loads(text.splitlines()[-1])["fault"]


def command(name: str, path: str, options: dict[str, object], scopes: tuple[str, ...] = ("read",)) -> None:
    @attack(f"command: {name}")
    async def run(scene: Scene) -> Outcome:
        async with scene.client(**bearer(await scene.token("director", *scopes))) as client:
            got = await client.post(f"/api/commands/{path}", json={"options": options}, headers=key())
            done = await client.post("/api/commands/status", json={}, headers=key())
            assert not fault_of(done.text), done.text
            return 403 if got.status_code == 200 and fault_of(got.text) else got.status_code, done.status_code


command("of the machine, such as a new user", "user%20add", {"name": "evil", "role": ["director"]}, ("read", "admin"))
command("of the machine's servers", "up", {}, ("read", "admin"))
command("a path", "..%2f..%2fetc", {})
command("a file of the machine", "costs", {"csv": "/tmp/attack.csv"})
command("a halt with the scopes read and admin", "halt", {"reason": ATTACK}, ("read", "admin"))
command("an option that does not exist", "status", {"__class__": "x"})


@attack("command: the session of a director")
async def command_in_session(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        got = await client.post("/api/commands/status", json={}, headers=key())
        return got.status_code, (await reading(client)).status_code


@attack("text: a script in a name, a search and a reason comes back as a script")
async def script(scene: Scene) -> Outcome:
    text = '<script>alert("evil")</script>'
    async with scene.client(**bearer(await scene.token("director", "read", "submit"))) as client:
        asked = await client.post(scene.path, json={"text": f"{CONTROL} {text}"}, headers=key())
        pages = [
            await client.get(path, headers={"Accept": "text/html"})
            for path in (
                f"/?text={text}",
                f"/events?type={text}",
                f"/runs/{scene.run}",
                f"/runs/{text}",
                f"/archive?text={text}",
            )
        ]
        closed = all(
            "script-src" in page.headers["content-security-policy"] or page.status_code >= 400 for page in pages
        )
        return (200 if any(text in page.text for page in pages) or not closed else 403), asked.status_code


@attack("text: colours and a new line in a name come back in the answer")
async def terminal(scene: Scene) -> Outcome:
    async with scene.client() as client:
        name = "x\r\n\x1b[2J 2026-01-01 ERROR evil"
        got = await client.post("/auth/sign-in", json={"name": name, "password": "wrong password"})
        done = await client.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        return (got.status_code if "\x1b" not in got.text else 200), done.status_code


@attack("text: broken requests fill the log")
async def full_log(scene: Scene) -> Outcome:
    lines: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record)

    handler, root = Keeping(logging.WARNING), logging.getLogger()
    root.addHandler(handler)
    try:
        for broken in (b"x\r\n\r\n", b"GET / HTTP/1.1\r\nX: \x00\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n"):
            assert (await exchange(scene.place, broken)).status == 400
        done = await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1"))
    finally:
        root.removeHandler(handler)
    return 200 if lines else 400, done.status


@attack("time: an unknown name answers sooner than a known one")
async def timing(scene: Scene) -> Outcome:
    """The time of an answer is that of its hash, so the hashes are counted."""
    hashed: list[str] = []
    matches = credentials._matches

    def counted(stored: str, password: str) -> bool:
        hashed.append(stored)
        return matches(stored, password)

    async with scene.client() as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(credentials, "_matches", counted)
            for name in ("nobody-here", "viewer", "auditor"):
                await client.post("/auth/sign-in", json={"name": name, "password": "wrong password"})
        parameters = {stored.rpartition("$")[0].rpartition("$")[0] for stored in hashed}
        done = await client.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        return (401 if len(hashed) == 3 and len(parameters) == 1 else 200), done.status_code
