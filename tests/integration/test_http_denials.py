"""Every route of the API, from its own description: each role, scope, method and credential that is closed.

The routes come from /openapi.json, so a new route is tried at once. A new command needs its event in ACTS.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import combinations, product
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import pytest

from director.http.sign_in import COOKIE
from director.services import people
from director.services.page_views import INCIDENT_NAMED
from domain.incident import Raise
from domain.registry import COMMANDS
from domain.run_messages import Submit, Submitted
from domain.user import USER_ROLES
from governance.user_rights import SCOPE_MATRIX, TOKEN_SCOPES, USER_MATRIX
from tests.integration.house import House, Sample, at
from tests.integration.test_http_api import NEEDS, SECRET, Site, body, ends, key, site, submitted

__all__ = ["site"]
pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow]
ACTS: Mapping[str, str] = {
    "/api/runs": "run.submitted",
    "/api/runs/{run}/approve": "run.approved",
    "/api/runs/{run}/reject": "run.ended",
    "/api/runs/{run}/cancel": "run.ended",
    "/api/runs/{run}/return": "run.commented",
    "/api/runs/{run}/comment": "run.commented",
    "/api/runs/{run}/override": "run.overridden",
    "/api/runs/{run}/budget": "run.budget_raised",
    "/api/runs/{run}/again": "run.submitted",
    "/api/employees/{employee}/reinstate": "employee.reinstated",
    "/api/organisation/blacklist": "organisation.version_blacklisted",
    "/api/incidents/{incident}/{step}": "incident.acknowledged",
    "/api/chat/confirm": "chat.message_sent",
    "/api/organisation/pause": "organisation.paused",
    "/api/organisation/halt": "organisation.halted",
    "/api/organisation/resume": "organisation.resumed",
}
"""Command -> the event that its sender must be able to cause."""
ASKS = {"/api/chat"}
"""Routes that only read, with another method than GET."""
OPEN = {"/healthz", "/auth/sign-in", "/auth/link/{link}", "/auth/sign-out", "/auth/confirm", "/api/me"}
"""Routes that need no right: they sign in and out, say who is signed in, and that the process answers."""
SAMPLE = Sample(1)
STREAM = "/api/events/live"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Route(NamedTuple):
    """One route and method. `template`: the path with its parameters."""

    method: str
    template: str
    path: str


@pytest.fixture
async def routes(site: Site, house: House) -> list[Route]:
    run = await submitted(site, SAMPLE)
    values = {
        "run": run,
        "incident": str(await raised(house)),
        "employee": "nobody",
        "event": "1",
        "step": "close",
        "link": "x",
    }
    async with site.client() as client:
        paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    found = [
        Route(method.upper(), template, template.format(**values))
        for template, each in paths.items()
        for method in each
    ]
    acts = {route.template for route in found if route.method != "GET" and route.template not in OPEN | ASKS}
    assert acts == set(ACTS), "name the event of each command in ACTS"
    return [route for route in found if route.template not in OPEN]


async def raised(house: House) -> UUID:
    """Raise an incident, wait until the auditor's rows have it, and return its id."""
    incident = uuid4()
    await house.gate("auditor").handle(Raise(id=uuid4(), at=at(), incident=incident, kind="stuck_loop", detail="Odd."))
    async with asyncio.timeout(60):
        while await INCIDENT_NAMED.first(house.office.store, str(incident)) is None:  # noqa: ASYNC110  # rows, no event
            await asyncio.sleep(0.05)
    return incident


def body_of(route: Route) -> dict[str, Any]:
    if route.template == "/api/runs":
        return {"requirement": SAMPLE.source.decode(), "sealed": SAMPLE.sealed.decode()}
    return body(route.template)


async def send(client: httpx2.AsyncClient, route: Route, **headers: str) -> httpx2.Response:
    content = None if route.method == "GET" else body_of(route)
    return await client.request(route.method, route.path, json=content, headers={**key(), **headers})


def permitted(route: Route, role: Any, scopes: tuple[str, ...]) -> bool:
    """Return whether the matrix permits a route to a token of a role."""
    if route.method == "GET" or route.template in ASKS:
        return "read" in scopes
    allowed = frozenset[str]().union(*(SCOPE_MATRIX[scope] for scope in scopes))  # type: ignore[index]
    event = ACTS[route.template]
    needs = {event} | NEEDS.get(event, set()) | (set(COMMANDS[Submit].causes) if event == Submitted.type else set())
    return needs <= USER_MATRIX[role] & allowed and ends(role, route.template)


async def test_no_cell_of_the_matrix_is_open_that_should_be_closed(site: Site, routes: list[Route]) -> None:
    counts: Counter[str] = Counter()
    for role in USER_ROLES:
        for scopes in (*((scope,) for scope in TOKEN_SCOPES), *combinations(TOKEN_SCOPES, len(TOKEN_SCOPES) - 1)):
            async with await site.with_token(role, *scopes) as client:
                for route in routes:
                    allowed = permitted(route, role, scopes)
                    if allowed and route.template == STREAM:
                        continue  # it does not end, and tests/integration/test_http_api.py follows it
                    answer = await send(client, route)
                    assert (answer.status_code != 403) is allowed, (role, scopes, route, answer.text)
                    assert answer.status_code < 500 or answer.json()["code"] in EXPECTED, (route, answer.text)
                    counts["permitted" if allowed else "denied"] += 1
    counts += await nobody(site, routes)
    counts += await without_the_secret_of_the_session(site, routes)
    counts += await other_methods(site, routes)
    print(dict(counts))
    assert counts["denied"] >= 1000
    assert counts["permitted"] >= 300, "the controls"


EXPECTED = {"unavailable", "history_behind"}
"""Codes of a part that is not there yet, such as a run that the manager has not begun."""


async def nobody(site: Site, routes: list[Route]) -> Counter[str]:
    """Try every route without a credential, and with one that is wrong, revoked, expired or of a disabled user."""
    revoked = await people.create_token(site.opened, "director", scopes=TOKEN_SCOPES, days=1)
    await people.revoke_token(site.opened, str(revoked.token))
    expired = await people.create_token(site.opened, "director", scopes=TOKEN_SCOPES, days=1)
    async with site.opened.store.connection() as connection:
        await connection.execute("UPDATE auth.token SET expires_at = 1 WHERE id = $1", expired.token)
    await people.add_user(site.opened, "gone", ["director"])
    gone = await people.create_token(site.opened, "gone", scopes=TOKEN_SCOPES, days=1)
    async with site.client(Authorization=f"Bearer {gone.text}") as client:
        assert (await client.get("/api/status")).status_code == 200, "the control"
    await people.disable_user(site.opened, "gone", "left")
    counts: Counter[str] = Counter()
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic ZGlyZWN0b3I6eA=="},
        {"Authorization": f"Bearer {revoked.text}"},
        {"Authorization": f"Bearer {expired.text}"},
        {"Authorization": f"Bearer {gone.text}"},
        {"Cookie": f"{COOKIE}={'A' * 43}"},
    ):
        async with site.client(**headers) as client:
            for route in routes:
                answer = await send(client, route)
                assert answer.status_code == 401, (headers, route, answer.text)
                counts["denied"] += 1
    return counts


async def without_the_secret_of_the_session(site: Site, routes: list[Route]) -> Counter[str]:
    """Try every command in a director's session without its CSRF token, with a wrong one, and from another site."""
    await people.set_password(site.opened, "director", SECRET)
    counts: Counter[str] = Counter()
    client = await site.signed_in("director")
    try:
        acts = [route for route in routes if route.method != "GET"]
        right = client.headers.pop("X-CSRF-Token")
        wrong: tuple[dict[str, str], ...] = (
            {},
            {"X-CSRF-Token": "0" * 64},
            {"X-CSRF-Token": right, "Origin": "http://evil.example"},
        )
        for headers, route in product(wrong, acts):
            answer = await send(client, route, **headers)
            assert answer.status_code == 403, (headers, route, answer.text)
            counts["denied"] += 1
        answer = await send(
            client, next(each for each in acts if each.path.endswith("/pause")), **{"X-CSRF-Token": right}
        )
        assert answer.status_code != 403, "the control: the organisation may be paused already"
    finally:
        await client.aclose()
    return counts


async def other_methods(site: Site, routes: list[Route]) -> Counter[str]:
    """Try each route with the methods that it does not have, as a director with every scope."""
    known = {(route.template, route.method) for route in routes}
    counts: Counter[str] = Counter()
    async with await site.with_token("director", *TOKEN_SCOPES) as client:
        for route, method in product({route.template: route for route in routes}.values(), METHODS):
            if (route.template, method) not in known:
                answer = await client.request(method, route.path, json={}, headers=key())
                assert answer.status_code == 405, (method, route, answer.text)
                counts["denied"] += 1
    return counts


async def test_odd_values_cause_no_defect(site: Site) -> None:
    """Send odd values for each parameter of each route. The answer may be an error, but no defect (500)."""
    odd = (
        "",
        "0",
        "-1",
        "x",
        "9" * 30,
        "\u0000",
        "%",
        "' OR 1=1 --",
        "\u202e\U0001f600",
        "../..",
        "a" * 101,
        "1.5",
        "ffffffff",
    )
    async with site.client() as client:
        paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    tried = 0
    async with await site.with_token("director", *TOKEN_SCOPES) as client:
        for template, methods in paths.items():
            if template in (STREAM, "/auth/link/{link}"):
                continue
            for method, described in methods.items():
                names = [(each["in"], each["name"]) for each in described.get("parameters", ())]
                plain = {name: "1" for place, name in names if place == "path"}
                for (place, name), value in product(names, odd):
                    path = template.format(**{**plain, **({name: quote(value, safe="")} if place == "path" else {})})
                    query = {name: value} if place == "query" else {}
                    asked = client.build_request(
                        method.upper(), path, params=query, headers=key(), json={"reason": "x"}
                    )
                    answer = await client.send(asked)
                    assert answer.status_code != 500, (method, template, name, value, answer.text)
                    tried += 1
    assert tried > 300
