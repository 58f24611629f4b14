"""Attacks: tokens that are expired, revoked, changed, repeated, in another place, or without the right."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from director.services import people
from tests.attacks.http_bytes import exchange, request
from tests.attacks.stranger import ATTACK, CONTROL, Outcome, Scene, attack, bearer, comment, reading


def by_token(name: str, spoil: Callable[[Scene, str], Awaitable[dict[str, str]]]) -> None:
    @attack(f"token: {name}")
    async def run(scene: Scene) -> Outcome:
        made = await people.create_token(scene.opened, "guest", scopes=("read",), days=1)
        async with scene.client(**bearer(made.text)) as right:
            before = (await reading(right)).status_code
        async with scene.client(**await spoil(scene, made.text)) as thief:
            return (await reading(thief)).status_code, before


async def expire(scene: Scene, text: str) -> dict[str, str]:
    await scene.execute("UPDATE auth.token SET expires_at = 1 WHERE id = $1::uuid", text.split("_")[1])
    return bearer(text)


async def revoke(scene: Scene, text: str) -> dict[str, str]:
    await people.revoke_token(scene.opened, str(UUID(text.split("_")[1])))
    return bearer(text)


async def change_end(_: Scene, text: str) -> dict[str, str]:
    return bearer(text[:-1] + ("A" if text[-1] != "A" else "B"))


async def change_id(scene: Scene, text: str) -> dict[str, str]:
    id = (await scene.token("director", "read")).split("_")[1]
    return bearer(f"aura_{id}_{text.split('_', 2)[2]}")


async def in_basic(_: Scene, text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {text}"}


async def in_another_header(_: Scene, text: str) -> dict[str, str]:
    return {"X-API-Key": text, "X-Auth-Token": text, "Proxy-Authorization": f"Bearer {text}"}


async def with_more(_: Scene, text: str) -> dict[str, str]:
    return bearer(f"{text}, Bearer x")


for token_attack, spoiled in (
    ("expired", expire),
    ("revoked", revoke),
    ("with another last character", change_end),
    ("with the id of another token", change_id),
    ("in the scheme Basic", in_basic),
    ("in other headers", in_another_header),
    ("with a second token behind it", with_more),
):
    by_token(token_attack, spoiled)


@attack("token: in the address, where logs and browsers keep it")
async def in_query(scene: Scene) -> Outcome:
    text = await scene.token("viewer", "read")
    async with scene.client() as client:
        got = await client.get("/api/status", params={"access_token": text, "token": text, "authorization": text})
        return got.status_code, (await client.get("/api/status", headers=bearer(text))).status_code


def twice(name: str, first: int) -> None:
    @attack(f"token: two headers Authorization, {name}")
    async def run(scene: Scene) -> Outcome:
        right = f"Authorization: Bearer {await scene.token('viewer', 'read')}"
        both = (right, "Authorization: Bearer aura_x_y")
        got = await exchange(
            scene.place, request(scene.place, "GET /api/status HTTP/1.1", both[first], both[1 - first])
        )
        done = await exchange(scene.place, request(scene.place, "GET /api/status HTTP/1.1", right))
        return got.status, done.status


twice("the right one first", 0)
twice("the right one last", 1)


@attack("token: of a user who was disabled")
async def disabled(scene: Scene) -> Outcome:
    await people.add_user(scene.opened, "leaver", ["viewer"])
    async with scene.client(**bearer(await scene.token("leaver", "read"))) as client:
        before = (await reading(client)).status_code
        await people.disable_user(scene.opened, "leaver", CONTROL)
        return (await reading(client)).status_code, before


def may_not(name: str, user: str, scopes: tuple[str, ...], right: tuple[str, ...]) -> None:
    @attack(f"token: {name}")
    async def run(scene: Scene) -> Outcome:
        async with (
            scene.client(**bearer(await scene.token(user, *scopes))) as client,
            scene.client(**bearer(await scene.token(*right))) as honest,
        ):
            return await comment(scene, client, ATTACK), await comment(scene, honest, CONTROL)


may_not("scope read comments", "director", ("read",), ("director", "submit"))
may_not("scope admin of a viewer comments", "viewer", ("admin", "submit"), ("operator", "submit"))
may_not("every other scope comments", "director", ("read", "approve", "control", "halt"), ("director", "submit"))


@attack("token: scope submit reads")
async def submit_reads(scene: Scene) -> Outcome:
    async with scene.client(**bearer(await scene.token("director", "submit"))) as client:
        got = (await reading(client)).status_code
        return got, (await client.get("/api/me")).status_code


@attack("token: a weak token beside the session of a director acts as the director")
async def token_beside_session(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        weak = await scene.token("viewer", "read")
        return await comment(scene, client, ATTACK, Authorization=f"Bearer {weak}"), await comment(
            scene, client, CONTROL
        )


@attack("token: a broken token beside the session of a director acts as the director")
async def broken_beside_session(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        return await comment(scene, client, ATTACK, Authorization="Bearer x"), await comment(scene, client, CONTROL)
