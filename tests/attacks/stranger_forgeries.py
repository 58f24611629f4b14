"""Attacks: requests that a page of another site sends with the browser of a director (CSRF)."""

from collections.abc import Callable, Mapping
from typing import Any

from director.http.sign_in import COOKIE, CSRF_HEADER
from tests.attacks.stranger import (
    ATTACK,
    CONTROL,
    Outcome,
    Scene,
    Sent,
    attack,
    comment,
    form_token,
    key,
    send,
    session_of,
)
from tests.integration.test_http_api import SECRET

HEADERS: Mapping[str, Callable[[Scene], dict[str, str]]] = {
    "Origin of another host": lambda _: {"Origin": "https://evil.example"},
    "Origin null, as from a sandboxed frame": lambda _: {"Origin": "null"},
    "empty Origin": lambda _: {"Origin": ""},
    "Origin that begins with our address": lambda scene: {"Origin": f"{scene.site.url}.evil.example"},
    "Origin with our address as its user": lambda scene: {"Origin": f"{scene.site.url}@evil.example"},
    "Origin of another port of this machine": lambda _: {"Origin": "http://127.0.0.1:9"},
    "Sec-Fetch-Site cross-site without Origin": lambda _: {"Sec-Fetch-Site": "cross-site"},
    "Sec-Fetch-Site same-site": lambda _: {"Sec-Fetch-Site": "same-site"},
    "right Origin, but cross-site": lambda scene: {"Origin": scene.site.url, "Sec-Fetch-Site": "cross-site"},
}


def forged(name: str, headers: Callable[[Scene], dict[str, str]]) -> None:
    @attack(f"forged: {name}")
    async def run(scene: Scene) -> Outcome:
        async with await scene.signed_in() as client:
            got = await send(scene, client, Sent(ATTACK, headers(scene)))
            return got, await send(scene, client, Sent(CONTROL, {"Origin": scene.site.url}))


for each, headers_of in HEADERS.items():
    forged(each, headers_of)


def plain(name: str, sent: Callable[[str], Sent]) -> None:
    @attack(f"forged: {name}")
    async def run(scene: Scene) -> Outcome:
        async with await scene.signed_in() as client:
            token = client.headers[CSRF_HEADER]
            return await send(scene, client, sent(token)), await comment(scene, client, CONTROL)


def body(**content: Any) -> Sent:
    return Sent(ATTACK, body=content)


JSON_TEXT = f'{{"text": "{ATTACK}"}}'
plain("without the CSRF token", lambda _: Sent(ATTACK, without=(CSRF_HEADER,)))
plain("empty CSRF token", lambda _: Sent(ATTACK, {CSRF_HEADER: ""}))
plain("the beginning of the CSRF token", lambda token: Sent(ATTACK, {CSRF_HEADER: token[:-1]}))
plain(
    "CSRF token only in the query",
    lambda token: Sent(ATTACK, query={CSRF_HEADER: token, "csrf": token}, without=(CSRF_HEADER,)),
)
plain(
    "CSRF token only in the body",
    lambda token: Sent(ATTACK, body={"json": {"text": ATTACK, "csrf": token}}, without=(CSRF_HEADER,)),
)
plain("JSON as text/plain", lambda _: Sent(ATTACK, {"Content-Type": "text/plain"}, body={"content": JSON_TEXT}))
plain("JSON without a type", lambda _: Sent(ATTACK, body={"content": JSON_TEXT}))
plain("JSON as a form", lambda _: Sent(ATTACK, body={"data": {"text": ATTACK}}))
plain("JSON as a file", lambda _: Sent(ATTACK, body={"files": {"text": ("text", ATTACK)}}))
plain("GET that changes something", lambda _: Sent(ATTACK, method="GET", query={"text": ATTACK}, body={}))
plain(
    "GET with X-HTTP-Method-Override",
    lambda _: Sent(ATTACK, {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}, method="GET"),
)
plain("GET with _method", lambda _: Sent(ATTACK, method="GET", query={"_method": "POST"}))


@attack("forged: CSRF token of another person")
async def other_person(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client, await scene.signed_in("operator") as other:
        stolen = other.headers[CSRF_HEADER]
        return await comment(scene, client, ATTACK, X_CSRF_Token=stolen), await comment(scene, other, CONTROL)


@attack("forged: CSRF token of another session of the same person")
async def other_session(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client, await scene.signed_in() as other:
        stolen = other.headers[CSRF_HEADER]
        return await comment(scene, client, ATTACK, X_CSRF_Token=stolen), await comment(scene, other, CONTROL)


@attack("forged: CSRF token as a cookie")
async def token_as_cookie(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        cookies = f"{COOKIE}={session_of(client)}; csrf={client.headers[CSRF_HEADER]}"
        async with scene.client(Cookie=cookies) as forging:
            return await comment(scene, forging, ATTACK), await comment(scene, client, CONTROL)


@attack("forged: the form of a page without its token")
async def page_form(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        form = {"reason": ATTACK, "key": key()["Idempotency-Key"]}
        got = await client.post("/stop/pause", data=form)
        done = await client.post("/stop/pause", data={**form, "reason": CONTROL, "csrf": client.headers[CSRF_HEADER]})
        await client.post("/api/organisation/resume", json={"reason": CONTROL}, headers=key())
        return got.status_code, done.status_code


@attack("forged: the form of a page with the token of the sign-in page")
async def sign_in_token(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client, scene.client() as nobody:
        token = form_token((await nobody.get("/sign-in")).text)
        assert len(token) == 64
        form = {"reason": ATTACK, "key": key()["Idempotency-Key"], "csrf": token}
        got = await client.post("/stop/pause", data=form)
        return got.status_code, await comment(scene, client, CONTROL)


@attack("forged: another site signs its own user in")
async def sign_in(scene: Scene) -> Outcome:
    async with scene.client() as client:
        asked = {"name": "viewer", "password": SECRET}
        got = await client.post("/auth/sign-in", json=asked, headers={"Origin": "https://evil.example"})
        assert not client.cookies
        return got.status_code, (await client.post("/auth/sign-in", json=asked)).status_code


@attack("forged: another site signs its own user in with the form of the page")
async def sign_in_form(scene: Scene) -> Outcome:
    async with scene.client() as client:
        form = {"name": "viewer", "password": SECRET, "to": "/"}
        got = await client.post("/sign-in", data=form)
        assert COOKIE not in client.cookies
        token = form_token(got.text)
        return got.status_code, (await client.post("/sign-in", data={**form, "csrf": token})).status_code


@attack("forged: another site signs a person out")
async def sign_out(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        got = await client.post("/auth/sign-out", json={}, headers={"Origin": "https://evil.example"})
        still = await client.get("/api/me")
        assert still.status_code == 200
        return got.status_code, (await client.post("/auth/sign-out", json={})).status_code


@attack("forged: a picture signs a person out")
async def sign_out_by_get(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        got = [(await client.get(path)).status_code for path in ("/auth/sign-out", "/sign-out")]
        return min(got), (await client.get("/api/me")).status_code


@attack("forged: another site reads an answer (CORS)")
async def cross_origin_read(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answers = [await client.get("/api/me", headers=origin), await client.options("/api/me", headers=origin)]
        open_to = [name for each in answers for name in each.headers if name.startswith("access-control-")]
        isolated = all(each.headers["cross-origin-resource-policy"] == "same-origin" for each in answers)
        return 200 if open_to or not isolated else 403, (await client.get("/api/me")).status_code
