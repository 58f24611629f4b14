"""People at the gate: each role may do what its row says, a token narrows it, and nobody approves their own request."""

import itertools
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from domain import user
from domain.errors import AuraError, Forbidden, Invalid, NotFound, Refused
from domain.message import Command
from domain.registry import COMMANDS
from domain.run_messages import Approve, End, Submit
from domain.user import USER_ROLES, UserRole, user_id
from governance import credentials as rules
from governance.credentials import Credentials
from governance.gate import Gate
from governance.keys import Principal
from governance.user_rights import SCOPE_MATRIX, TOKEN_SCOPES, USER_MATRIX, may_read, user_may_send
from tests.integration.desks import Desk, Desks, of_type, stamp, submit
from tests.integration.test_matrix import SAMPLES, patient  # noqa: F401  # a fixture

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
SECRET = "correct horse battery"


def person(desk: Desk, name: str, scopes: Sequence[str] | None = None) -> Gate:
    """Return the gate of a user."""
    return desk.office.gate(Principal(user_id(name), "user", None if scopes is None else tuple(scopes)))


async def add(desk: Desk, name: str, *roles: UserRole) -> UUID:
    await desk.send("director", user.Create(**stamp(), user=user_id(name), name=name, roles=roles))
    return user_id(name)


async def attempt(gate: Gate, command: Command) -> bool:
    """Return whether the gate lets a person send a command. What the state then says does not matter."""
    try:
        await gate.handle(command)
    except Forbidden:
        return False
    except AuraError:
        return True
    return True


@pytest.mark.parametrize("role", USER_ROLES)
async def test_every_cell_of_a_role_is_as_its_row_says(patient: Desk, role: UserRole) -> None:  # noqa: F811
    await add(patient, role, role)
    allowed: set[type[Command]] = set()
    for kind, sample in SAMPLES.items():
        if await attempt(person(patient, role), sample()):
            allowed.add(kind)
    expected = {
        kind
        for kind, spec in COMMANDS.items()
        if set(spec.causes) <= USER_MATRIX[role] and user_may_send([role], SAMPLES[kind]())
    }
    assert allowed == expected
    assert bool(allowed) == bool(USER_MATRIX[role]), "auditors and viewers change nothing, and the others may act"
    assert Submit not in allowed or role in ("director", "operator")


@pytest.mark.parametrize("scope", TOKEN_SCOPES)
async def test_a_token_permits_what_its_scope_says_and_never_more_than_its_user(desk: Desk, scope: str) -> None:
    await add(desk, "dora", "director")
    await add(desk, "vera", "viewer")
    for kind in (Submit, Approve, user.Create):
        command = SAMPLES[kind]
        permitted = set(COMMANDS[kind].causes) <= SCOPE_MATRIX[scope]  # type: ignore[index]  # a scope
        assert await attempt(person(desk, "dora", [scope]), command()) == permitted
        assert not await attempt(person(desk, "vera", [scope]), command())
    assert not await attempt(person(desk, "dora", []), SAMPLES[Submit]())
    assert await attempt(person(desk, "dora"), SAMPLES[Submit]()), "the control: the same person without a token"


async def test_a_role_counts_from_its_event_to_its_end(desks: Desks, desk: Desk) -> None:
    anna = await add(desk, "anna", "viewer")
    other = await desks.open()
    gate = person(other, "anna")
    assert not await attempt(gate, submit(uuid4()))
    await desk.send("director", user.GrantRole(**stamp(), user=anna, role="operator", reason="x"))
    assert await attempt(gate, submit(uuid4()))
    await desk.send("director", user.RevokeRole(**stamp(), user=anna, role="operator", reason="x"))
    assert not await attempt(gate, submit(uuid4()))
    await desk.send("director", user.GrantRole(**stamp(), user=anna, role="operator", reason="x"))
    await desk.send("director", user.Disable(**stamp(), user=anna, reason="x"))
    with pytest.raises(Forbidden, match="The user anna is disabled"):
        await gate.handle(submit(uuid4()))
    with pytest.raises(Forbidden, match="has no role"):
        await person(desk, "nobody").handle(submit(uuid4()))


async def test_the_event_names_the_person(desks: Desks, desk: Desk) -> None:
    anna, run = await add(desk, "anna", "operator"), uuid4()
    await person(desk, "anna").handle(submit(run))
    (event,) = of_type(await desks.recorded(desk), "run.submitted")
    assert (event.envelope.principal, event.envelope.role) == (anna, "user")


async def test_nobody_approves_their_own_request_while_another_may(desks: Desks, desk: Desk) -> None:
    """The run is not delivered, so an approval that the gate permits is refused by the run's state alone."""
    run = uuid4()
    await add(desk, "anna", "operator", "approver")
    await person(desk, "anna").handle(submit(run))

    async def code(name: str) -> str:
        with pytest.raises(Refused) as refused:
            await person(desk, name).handle(Approve(**stamp(), run=run))
        return refused.value.code

    assert await code("anna") != "own_request", "she is the only approver"
    await add(desk, "bert", "approver")
    await desks.recorded(desk)
    assert await code("anna") == "own_request"
    assert await code("bert") != "own_request"
    await desk.send("director", user.Disable(**stamp(), user=user_id("bert"), reason="x"))
    await desks.recorded(desk)
    assert await code("anna") != "own_request", "the only other approver is disabled"


@pytest.mark.parametrize(("role", "outcome", "may"), [
    ("operator", "cancelled", True), ("operator", "declined", False),
    ("approver", "declined", True), ("approver", "cancelled", False),
    ("director", "cancelled", True), ("director", "declined", True), ("director", "delivered", False),
])  # fmt: skip
def test_who_may_end_a_run_in_which_way(role: UserRole, outcome: str, may: bool) -> None:
    end = End(**stamp(), run=uuid4(), outcome=outcome, reason="x")  # type: ignore[arg-type]  # as a door might send
    assert user_may_send([role], end) is may


def test_every_role_reads_and_only_a_token_with_that_scope() -> None:
    for role, scope in itertools.product(USER_ROLES, TOKEN_SCOPES):
        assert may_read([role], None)
        assert may_read([role], [scope]) is (scope == "read")
        assert not may_read([], [scope])


async def test_a_password_is_a_hash_and_a_new_one_ends_sessions(desk: Desk) -> None:
    credentials, anna = Credentials(desk.office.store), uuid4()
    for weak in ("short", "x" * (rules.PASSWORD_BYTES_MAX + 1)):
        with pytest.raises(Invalid, match="A password has at least"):
            await credentials.set_password(anna, weak)
    assert not await credentials.check_password(anna, SECRET), "there is none yet"
    await credentials.set_password(anna, SECRET)
    assert await credentials.check_password(anna, SECRET)
    assert not await credentials.check_password(anna, SECRET + "!")
    secret = await credentials.begin_session(anna)
    assert (who := await credentials.session(secret)) is not None
    assert who.user == anna
    await credentials.set_password(anna, SECRET + "!")
    assert await credentials.session(secret) is None
    async with desk.office.store.connection() as connection:
        stored = await connection.fetch("SELECT hash FROM auth.password")
    assert [row["hash"].startswith("$argon2id$") for row in stored] == [True]


@pytest.mark.parametrize(("limit", "column"), [("IDLE_US", "seen_at"), ("ABSOLUTE_US", "created_at")])
async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(desk: Desk, limit: str, column: str) -> None:
    credentials = Credentials(desk.office.store)
    secret = await credentials.begin_session(uuid4())

    async def age(by: int) -> None:
        async with desk.office.store.connection() as connection:
            await connection.execute(f"UPDATE auth.session SET {column} = {column} - $1::bigint", by)

    await age(getattr(rules, limit) - 60 * rules.SECOND_US)
    who = await credentials.session(secret)
    assert who is not None
    assert await credentials.is_open(who)
    await age(getattr(rules, limit))
    assert await credentials.session(secret) is None
    assert await credentials.session(secret[:-1]) is None


async def test_a_session_ends_for_good(desk: Desk) -> None:
    credentials, anna = Credentials(desk.office.store), uuid4()
    first, second = await credentials.begin_session(anna), await credentials.begin_session(anna)
    assert first != second
    who = await credentials.session(first)
    assert who is not None
    await credentials.end_session(who.id)
    assert await credentials.session(first) is None
    assert not await credentials.is_open(who)
    assert await credentials.session(second) is not None, "the control: the other session goes on"


async def test_a_token_expires_and_is_revoked(desk: Desk) -> None:
    credentials, anna = Credentials(desk.office.store), uuid4()
    for scopes, days in ((["king"], 1), ([], 1), (["read"], 0), (["read"], 367)):
        with pytest.raises(Invalid):
            await credentials.create_token(anna, "ci", scopes, days)
    id, text = await credentials.create_token(anna, "ci", ["submit", "read"], 30)
    who = await credentials.token(text)
    assert who is not None
    assert (who.id, who.user, who.scopes) == (id, anna, ("read", "submit"))
    for wrong in ("", "aura", "aura__", f"aura_{id.hex}_", text[:-1], text.replace("aura", "arua"), f"{text}é"):
        assert await credentials.token(wrong) is None
    other_id, other = await credentials.create_token(anna, "old", ["read"], 1)
    async with desk.office.store.connection() as connection:
        await connection.execute("UPDATE auth.token SET expires_at = 1 WHERE id = $1", other_id)
        assert text not in str(await connection.fetch("SELECT * FROM auth.token"))
    assert await credentials.token(other) is None
    await credentials.revoke_token(id)
    assert await credentials.token(text) is None
    assert not await credentials.is_open(who)
    with pytest.raises(NotFound):
        await credentials.revoke_token(id)
    assert [line.revoked_at is None for line in await credentials.tokens()] == [False, True]


async def test_a_link_signs_in_once(desk: Desk) -> None:
    credentials, anna = Credentials(desk.office.store), uuid4()
    secret = await credentials.create_link(anna)
    assert await credentials.use_link(secret) == anna
    with pytest.raises(Forbidden, match="used or expired"):
        await credentials.use_link(secret)
    late = await credentials.create_link(anna)
    async with desk.office.store.connection() as connection:
        await connection.execute("UPDATE auth.link SET expires_at = 1")
    with pytest.raises(Forbidden, match="used or expired"):
        await credentials.use_link(late)


async def test_failures_are_counted_and_no_event(desks: Desks, desk: Desk) -> None:
    credentials, before = Credentials(desk.office.store), len(await desks.recorded(desk))
    for kind in ("password", "password", "token"):
        await credentials.count_failure(kind)
    assert {(line.kind, line.count) for line in await credentials.failures()} == {("password", 2), ("token", 1)}
    assert len(await desks.recorded(desk)) == before
