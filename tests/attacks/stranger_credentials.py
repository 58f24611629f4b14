"""Attacks: sessions and sign-in links that are stolen, planted, replayed, ended or of somebody else."""

from collections.abc import Awaitable, Callable

from director.http.sign_in import COOKIE, CSRF_HEADER
from director.services import people
from governance.credentials import ABSOLUTE_US, CONFIRMED_US, IDLE_US
from tests.attacks.stranger import ATTACK, CONTROL, Outcome, Scene, attack, bearer, comment, key, reading, session_of
from tests.integration.test_http_api import SECRET


async def replayed(scene: Scene, secret: str) -> int:
    """Return the status of a read with the secret of a session."""
    async with scene.client(Cookie=f"{COOKIE}={secret}") as thief:
        return (await reading(thief)).status_code


@attack("session: a planted secret counts after the sign-in (fixation)")
async def fixation(scene: Scene) -> Outcome:
    planted = "A" * 43
    async with scene.client(Cookie=f"{COOKIE}={planted}") as victim:
        answer = await victim.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        fresh = answer.cookies[COOKIE]
        assert fresh != planted
        return await replayed(scene, planted), await replayed(scene, fresh)


@attack("session: the CSRF token of before counts after a second sign-in as somebody else")
async def second_sign_in(scene: Scene) -> Outcome:
    async with await scene.signed_in("viewer") as client:
        token = client.headers[CSRF_HEADER]
        await client.post("/auth/sign-in", json={"name": "director", "password": SECRET})
        got = await comment(scene, client, ATTACK, X_CSRF_Token=token)
        client.headers[CSRF_HEADER] = (await client.get("/api/me")).json()["csrf"]
        return got, await comment(scene, client, CONTROL)


async def end_by_second_sign_in(scene: Scene, secret: str) -> None:
    async with scene.client(Cookie=f"{COOKIE}={secret}") as client:
        answer = await client.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        assert answer.status_code == 200


async def end_by_sign_out(scene: Scene, secret: str) -> None:
    async with scene.client(Cookie=f"{COOKIE}={secret}") as client:
        client.headers[CSRF_HEADER] = (await client.get("/api/me")).json()["csrf"]
        assert (await client.post("/auth/sign-out", json={})).status_code == 200


async def end_by_role(scene: Scene, _: str) -> None:
    await people.change_roles(scene.opened, "guest", grant=["auditor"], reason=CONTROL)


async def end_by_password(scene: Scene, _: str) -> None:
    await people.set_password(scene.opened, "guest", SECRET)


async def end_by_disabling(scene: Scene, _: str) -> None:
    await people.disable_user(scene.opened, "guest", CONTROL)
    await people.enable_user(scene.opened, "guest", CONTROL)


async def end_by_idleness(scene: Scene, _: str) -> None:
    await scene.execute("UPDATE auth.session SET seen_at = seen_at - $1", IDLE_US)


async def end_by_age(scene: Scene, _: str) -> None:
    await scene.execute("UPDATE auth.session SET created_at = created_at - $1", ABSOLUTE_US)


def ended(name: str, end: Callable[[Scene, str], Awaitable[None]]) -> None:
    @attack(f"session: replayed after {name}")
    async def run(scene: Scene) -> Outcome:
        async with await scene.signed_in("guest") as client:
            secret = session_of(client)
            before = await replayed(scene, secret)
            await end(scene, secret)
            return await replayed(scene, secret), before


for each, how in (
    ("the sign-out", end_by_sign_out),
    ("a second sign-in in the same browser", end_by_second_sign_in),
    ("a change of roles", end_by_role),
    ("a new password", end_by_password),
    ("the user was disabled and enabled again", end_by_disabling),
    ("30 minutes without a request", end_by_idleness),
    ("12 hours", end_by_age),
):
    ended(each, how)


@attack("session: replayed after the password was confirmed")
async def confirmed(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        secret, token = session_of(client), client.headers[CSRF_HEADER]
        answer = await client.post("/auth/confirm", json={"password": SECRET})
        assert answer.status_code == 200
        got = await replayed(scene, secret)
        old_token = await comment(scene, client, ATTACK, X_CSRF_Token=token)
        return min(got, old_token), await comment(scene, client, CONTROL, X_CSRF_Token=answer.json()["csrf"])


@attack("session: the password of another person confirms it")
async def confirmed_by_another(scene: Scene) -> Outcome:
    await people.set_password(scene.opened, "auditor", "another correct horse")
    async with await scene.signed_in() as client:
        got = await client.post("/auth/confirm", json={"password": "another correct horse"})
        return got.status_code, (await client.post("/auth/confirm", json={"password": SECRET})).status_code


@attack("session: a halt with a password that is six minutes old")
async def stale_halt(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        halt = "/api/organisation/halt"
        await scene.execute("UPDATE auth.session SET authenticated_at = authenticated_at - $1", CONFIRMED_US)
        got = await client.post(halt, json={"reason": ATTACK}, headers=key())
        answer = await client.post("/auth/confirm", json={"password": SECRET})
        client.headers[CSRF_HEADER] = answer.json()["csrf"]
        done = await client.post(halt, json={"reason": CONTROL}, headers=key())
        await client.post("/api/organisation/resume", json={"reason": CONTROL}, headers=key())
        return got.status_code, done.status_code


@attack("session: a halt from the page with a password that is six minutes old")
async def stale_halt_page(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        form = {
            "reason": ATTACK,
            "typed": "HALT",
            "csrf": client.headers[CSRF_HEADER],
            "key": key()["Idempotency-Key"],
        }
        await scene.execute("UPDATE auth.session SET authenticated_at = authenticated_at - $1", CONFIRMED_US)
        got = await client.post("/stop/halt", data=form)
    async with await scene.signed_in() as client:
        done = await client.post("/stop/halt", data={**form, "csrf": client.headers[CSRF_HEADER], "reason": CONTROL})
        await client.post("/api/organisation/resume", json={"reason": CONTROL}, headers=key())
        return got.status_code, done.status_code


@attack("session: its secret as a token")
async def session_as_token(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client, scene.client(**bearer(session_of(client))) as thief:
        return (await reading(thief)).status_code, (await reading(client)).status_code


@attack("session: a token as its secret")
async def token_as_session(scene: Scene) -> Outcome:
    text = await scene.token("director", "read")
    async with scene.client(**bearer(text)) as right:
        return await replayed(scene, text), (await reading(right)).status_code


@attack("session: a script or another site can read or send its cookie")
async def cookie_flags(scene: Scene) -> Outcome:
    async with scene.client() as client:
        answer = await client.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
        narrow = {"httponly", "samesite=strict", "path=/"} <= flags and not any(f.startswith("domain") for f in flags)
        return 403 if narrow else 200, answer.status_code


@attack("link: used twice")
async def link_twice(scene: Scene) -> Outcome:
    _, secret = await people.sign_in_link(scene.opened)
    async with scene.client() as first, scene.client() as second:
        done = await first.get(f"/auth/link/{secret}")
        return (await second.get(f"/auth/link/{secret}")).status_code, done.status_code


@attack("link: older than five minutes")
async def link_late(scene: Scene) -> Outcome:
    _, secret = await people.sign_in_link(scene.opened)
    await scene.execute("UPDATE auth.link SET expires_at = 1")
    _, fresh = await people.sign_in_link(scene.opened)
    async with scene.client() as client:
        got = await client.get(f"/auth/link/{secret}")
        return got.status_code, (await client.get(f"/auth/link/{fresh}")).status_code


@attack("link: a preview (HEAD) signs in, or uses the link up")
async def link_preview(scene: Scene) -> Outcome:
    _, secret = await people.sign_in_link(scene.opened)
    async with scene.client() as client:
        got = await client.head(f"/auth/link/{secret}")
        return got.status_code, (await client.get(f"/auth/link/{secret}")).status_code
