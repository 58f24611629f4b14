"""Attacks: hosts, headers, redirects and paths that mean something else than they seem to mean."""

from collections.abc import Callable
from urllib.parse import quote

from tests.attacks.http_bytes import exchange, request
from tests.attacks.stranger import ATTACK, CONTROL, Outcome, Scene, Sent, attack, bearer, comment, form_token, key, send
from tests.integration.test_http_api import SECRET


def of_host(name: str, host: str, line: str = "GET /api/status HTTP/1.1", *more: str) -> None:
    @attack(f"host: {name}")
    async def run(scene: Scene) -> Outcome:
        token = f"Authorization: Bearer {await scene.token('viewer', 'read')}"
        got = await exchange(scene.place, request(scene.place, line, token, *more, host=host))
        done = await exchange(scene.place, request(scene.place, "GET /api/status HTTP/1.1", token))
        return got.status, done.status


of_host("of another site that leads here (DNS rebinding)", "evil.example")
of_host("that begins with our address", "127.0.0.1.evil.example")
of_host("with our address as its user", "127.0.0.1@evil.example")
of_host("with our address as its password", "evil.example:80@127.0.0.1")
of_host("of the network card", "0.0.0.0")
of_host("missing, in HTTP/1.0", "", "GET /api/status HTTP/1.0")
of_host("missing, in HTTP/1.1", "")
of_host("twice", "127.0.0.1", "GET /api/status HTTP/1.1", "Host: evil.example")
of_host("right, but the target names another site", "127.0.0.1", "GET http://evil.example/api/status HTTP/1.1")
of_host("in X-Forwarded-Host only", "evil.example", "GET /api/status HTTP/1.1", "X-Forwarded-Host: 127.0.0.1")


def as_nobody(name: str, **headers: str) -> None:
    @attack(f"header: {name}")
    async def run(scene: Scene) -> Outcome:
        async with scene.client(**{word.replace("_", "-"): value for word, value in headers.items()}) as nobody:
            got = await comment(scene, nobody, ATTACK)
            read = (await nobody.get("/api/status")).status_code
        async with scene.client(**bearer(await scene.token("operator", "submit"))) as client:
            return min(got, read), await comment(scene, client, CONTROL)


as_nobody("the name of a user, as from a proxy", X_Forwarded_User="director", Remote_User="director", X_User="director")
as_nobody(
    "an address of the machine itself", X_Forwarded_For="127.0.0.1", X_Real_IP="127.0.0.1", Forwarded="for=127.0.0.1"
)
as_nobody("another path behind an open one", X_Original_URL="/healthz", X_Rewrite_URL="/healthz")
as_nobody("roles", X_Aura_Roles="director", X_Roles="director", X_Scopes="admin")


@attack("header: the path /healthz leads to a closed route")
async def rewritten(scene: Scene) -> Outcome:
    async with scene.client(**{"X-Original-URL": "/api/status", "X-Rewrite-URL": "/api/status"}) as client:
        answer = await client.get("/healthz")
        return 200 if "phase" in answer.text else 401, answer.status_code


@attack("header: other addresses in X-Forwarded-For avoid the limit of sign-ins")
async def many_addresses(scene: Scene) -> Outcome:
    async with scene.client(source="127.0.0.1") as client, scene.client() as other:
        statuses = []
        for number in range(12):
            headers = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
            wrong = {"name": f"nobody-{number}", "password": "wrong password"}
            statuses.append((await client.post("/auth/sign-in", json=wrong, headers=headers)).status_code)
        done = await other.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        return (429 if set(statuses[10:]) == {429} else 200), done.status_code


def redirected(name: str, to: str) -> None:
    @attack(f"redirect: {name}")
    async def run(scene: Scene) -> Outcome:
        async with scene.client() as client:
            page = await client.get("/sign-in", params={"to": to})
            token = form_token(page.text)
            form = {"name": "viewer", "password": SECRET, "csrf": token}
            got = await client.post("/sign-in", data={**form, "to": to})
            assert got.status_code == 303
            done = await client.post("/sign-in", data={**form, "to": "/costs?by=model"})
            assert "evil" not in str(got.headers), got.headers
            assert len(got.headers.get_list("location")) == 1
            inside = got.headers["location"] == "/" and done.headers["location"] == "/costs?by=model"
            return 403 if inside else 200, done.status_code


for trick, address in {
    "another site": "https://evil.example/",
    "two slashes": "//evil.example/",
    "a slash and a backslash": "/\\evil.example/",
    "a backslash": "\\\\evil.example",
    "a tab between slashes": "/\t/evil.example",
    "a new line and a cookie": "/\r\nSet-Cookie: aura_session=evil",
    "a script": "javascript:alert('evil')",
    "a space in front": " https://evil.example/",
    "letters that look like a slash": "/\u2215evil.example",
    "a name without a slash": "evil.example",
}.items():
    redirected(trick, address)


@attack("redirect: a path of two slashes is redirected to another site")
async def slashes(scene: Scene) -> Outcome:
    line = "GET //evil.example/ HTTP/1.1"
    got = await exchange(scene.place, request(scene.place, line, "Accept: text/html"))
    done = await exchange(scene.place, request(scene.place, "GET /sign-in HTTP/1.1", "Accept: text/html"))
    location = [line for line in got.text.split("\r\n") if line.lower().startswith("location: //")]
    return 200 if location else 404, done.status


@attack("redirect: a closed page with another site behind it")
async def closed_page(scene: Scene) -> Outcome:
    async with scene.client(Accept="text/html") as client:
        got = await client.get("/costs//evil.example/%0d%0aX-Evil:%20evil")
        done = await client.get("/costs")
        assert "x-evil" not in got.headers
        return 404 if "location" not in got.headers else 200, (
            200 if done.headers["location"] == "/sign-in?to=%2Fcosts" else 0
        )


def hidden(name: str, path: str) -> None:
    @attack(f"path: {name}")
    async def run(scene: Scene) -> Outcome:
        got = await exchange(scene.place, request(scene.place, f"GET {path} HTTP/1.1"))
        assert "root:" not in got.text
        assert "[project]" not in got.text
        assert '"phase"' not in got.text
        done = await exchange(scene.place, request(scene.place, "GET /static/aura.css HTTP/1.1"))
        if got.status == 307:  # to the same path without its slash, at this server
            assert f"location: http://{scene.place.name}{path.rstrip('/')}\r\n" in got.text
            got = await exchange(scene.place, request(scene.place, f"GET {path.rstrip('/')} HTTP/1.1"))
        return got.status, done.status


for trick, path in {
    "a file above the static files": "/static/../../../pyproject.toml",
    "encoded dots": "/static/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
    "an encoded slash": "/static/..%2f..%2f..%2fpyproject.toml",
    "twice encoded": "/static/%252e%252e%252f%252e%252e%252fpyproject.toml",
    "backslashes": "/static/..\\..\\..\\pyproject.toml",
    "a file of the machine": "/static//etc/passwd",
    "a NUL": "/static/aura.css%00.html",
    "templates": "/static/../templates/sign_in.html",
    "a closed route with two slashes": "//api//status",
    "a closed route with an encoded letter": "/api/%73tatus",
    "a closed route with a parameter": "/api/status;x=/healthz",
    "a closed route with dots": "/healthz/../api/status",
    "a closed route in capitals": "/API/STATUS",
    "a closed route with a slash at its end": "/api/status/",
}.items():
    hidden(trick, path)


def of_run(name: str, run_of: Callable[[Scene], str]) -> None:
    @attack(f"id: {name}")
    async def run(scene: Scene) -> Outcome:
        async with scene.client(**bearer(await scene.token("director", "read", "submit"))) as client:
            path = f"/api/runs/{quote(run_of(scene), safe='')}/comment"
            got = await client.post(path, json={"text": ATTACK}, headers=key())
            return got.status_code, await comment(scene, client, CONTROL)


of_run("of no run", lambda _: "ffffffff-ffff-4fff-8fff-ffffffffffff")
of_run("empty beginning", lambda _: " ")
of_run("a pattern for all runs", lambda _: "%")
of_run("a part of an SQL statement", lambda _: "' OR '1'='1")
of_run("a path to another route", lambda scene: f"../runs/{scene.run}")
of_run("a run with a NUL", lambda scene: f"{scene.run}\0")


@attack("id: a reader ends the token of another person")
async def token_of_another(scene: Scene) -> Outcome:
    text = await scene.token("director", "read")
    id = text.split("_")[1]
    async with scene.client(**bearer(await scene.token("viewer", "read"))) as viewer:
        asked = {"options": {"token": id}}
        got = await viewer.post("/api/commands/token revoke", json=asked, headers=key())
        deleted = await viewer.delete(f"/api/tokens/{id}")
    async with scene.client(**bearer(text)) as owner:
        return min(got.status_code, deleted.status_code), (await owner.get("/api/status")).status_code


@attack("id: a reader learns the secret of a token of another person")
async def secrets(scene: Scene) -> Outcome:
    text = await scene.token("director", "read", "halt")
    async with scene.client(**bearer(await scene.token("viewer", "read"))) as viewer:
        rights = await viewer.get("/api/rights")
        events = await viewer.get("/api/events", params={"limit": 100, "type": "user."})
        leaks = [each for each in (rights, events) if text.split("_")[2] in each.text or "argon2" in each.text]
        return 200 if leaks else 403, rights.status_code


@attack("id: a person comments under the name of another (principal in the body)")
async def principal(scene: Scene) -> Outcome:
    async with scene.client(**bearer(await scene.token("director", "submit"))) as client:
        forged = {"json": {"text": ATTACK, "principal": "auditor", "by": "auditor", "user": "auditor"}}
        return await send(scene, client, Sent(ATTACK, body=forged)), await comment(scene, client, CONTROL)
