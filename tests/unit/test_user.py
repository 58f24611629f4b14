"""Users: added once, with roles that are granted and revoked, disabled and enabled, each change with a reason."""

from typing import get_args

import pytest

from domain import user
from domain.errors import Conflict, Invalid, NotFound
from domain.identity import Identity
from domain.message import Erased, Event
from domain.organisation import Pause
from domain.user import (
    Create,
    Created,
    Disable,
    Disabled,
    Enable,
    Enabled,
    GrantRole,
    Link,
    Linked,
    RevokeRole,
    RoleGranted,
    RoleRevoked,
    Unlink,
    Unlinked,
    UserState,
    user_id,
)
from tests.unit.given import fold, given
from tests.unit.samples import AT, COMMAND

ANNA = user_id("anna")
CREATE = Create(id=COMMAND, at=AT, user=ANNA, name="anna", roles=("approver", "operator", "operator"))
CREATED = Created(user=ANNA, name="anna", roles=("operator", "approver"))
GRANT = GrantRole(id=COMMAND, at=AT, user=ANNA, role="auditor", reason="she audits")
REVOKE = RevokeRole(id=COMMAND, at=AT, user=ANNA, role="approver", reason="she approves no more")
DISABLE = Disable(id=COMMAND, at=AT, user=ANNA, reason="she left")
ENABLE = Enable(id=COMMAND, at=AT, user=ANNA, reason="she is back")
GRANTED = RoleGranted(user=ANNA, role="auditor", reason="she audits")
REVOKED = RoleRevoked(user=ANNA, role="approver", reason="she approves no more")
DISABLED = Disabled(user=ANNA, reason="she left")
ENABLED = Enabled(user=ANNA, reason="she is back")

ISSUER = "https://id.example.org"
LINK = Link(id=COMMAND, at=AT, user=ANNA, issuer=ISSUER, subject="a-1")
LINKED = Linked(user=ANNA, issuer=ISSUER, subject="a-1")
UNLINK = Unlink(id=COMMAND, at=AT, user=ANNA, issuer=ISSUER, subject="a-1", reason="she has another account")
UNLINKED = Unlinked(user=ANNA, issuer=ISSUER, subject="a-1", reason="she has another account")


def erased(event: type[Event]) -> Erased:
    return Erased(type=event.type, entity_kind="user", entity_id=ANNA, run=None)


def test_a_user_is_added_once_with_its_roles_in_order() -> None:
    given().when(CREATE).then(CREATED)
    given(CREATED).when(CREATE).refused(Conflict, "There is a user anna already")
    assert fold("user", CREATED).acting == ("operator", "approver")


@pytest.mark.parametrize("name", ["", "Anna", "-anna", "an na", "a" * 65, "anna\n", "ännä"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    wrong = Create(id=COMMAND, at=AT, user=user_id(name), name=name, roles=("viewer",))
    given().when(wrong).refused(Invalid, "cannot be the name of a user")
    right = Create(id=COMMAND, at=AT, user=user_id("a" * 64), name="a" * 64, roles=("viewer",))
    given().when(right).then(Created(user=user_id("a" * 64), name="a" * 64, roles=("viewer",)))


def test_the_id_follows_from_the_name_and_a_role_is_needed() -> None:
    other = Create(id=COMMAND, at=AT, user=user_id("bea"), name="anna", roles=("viewer",))
    given().when(other).refused(Invalid, "does not follow from the name anna")
    none = Create(id=COMMAND, at=AT, user=ANNA, name="anna", roles=())
    given().when(none).refused(Invalid, "needs a role")
    unknown = Create(id=COMMAND, at=AT, user=ANNA, name="anna", roles=("king",))  # type: ignore[arg-type]  # as a door might send
    given().when(unknown).refused(Invalid, "There is no role 'king'")


def test_a_role_is_granted_and_revoked_and_a_repeat_changes_nothing() -> None:
    given(CREATED).when(GRANT).then(GRANTED)
    given(CREATED, GRANTED).when(GRANT).then()
    given(CREATED).when(REVOKE).then(REVOKED)
    given(CREATED, REVOKED).when(REVOKE).then()
    assert fold("user", CREATED, GRANTED, REVOKED).acting == ("operator", "auditor")


def test_a_disabled_user_has_its_roles_and_may_act_in_none() -> None:
    given(CREATED).when(DISABLE).then(DISABLED)
    given(CREATED, DISABLED).when(DISABLE).then()
    given(CREATED).when(ENABLE).then()
    given(CREATED, DISABLED).when(ENABLE).then(ENABLED)
    assert fold("user", CREATED, DISABLED) == UserState(
        created=True, name="anna", roles=("operator", "approver"), disabled=True
    )
    assert fold("user", CREATED, DISABLED).acting == ()
    assert fold("user", CREATED, DISABLED, ENABLED).acting == ("operator", "approver")


@pytest.mark.parametrize("command", [GRANT, REVOKE, DISABLE, ENABLE, UNLINK])
def test_each_change_needs_a_user_and_a_reason(command: GrantRole | RevokeRole | Disable | Enable | Unlink) -> None:
    given().when(command).refused(NotFound, "There is no user")
    silent = type(command)(**{**{name: getattr(command, name) for name in command.__struct_fields__}, "reason": " "})
    given(CREATED).when(silent).refused(Invalid, "A reason is needed")


def test_a_purge_never_gives_a_right() -> None:
    assert fold("user", erased(Created)) == UserState(created=True)
    assert fold("user", CREATED, erased(RoleGranted)).acting == ("operator", "approver")
    assert fold("user", CREATED, erased(RoleRevoked)).acting == ()
    assert fold("user", CREATED, erased(Disabled)).acting == ()
    assert fold("user", CREATED, DISABLED, erased(Enabled)).acting == ("operator", "approver")
    assert fold("user", CREATED, *()).acting, "the control"
    assert fold("user", CREATED, LINKED).identities, "the control"
    assert fold("user", CREATED, erased(Linked)).identities == ()
    assert fold("user", CREATED, LINKED, erased(Unlinked)).identities == ()


def test_a_user_is_linked_to_an_identity_and_a_repeat_changes_nothing() -> None:
    given().when(LINK).refused(NotFound, "There is no user")
    given(CREATED).when(LINK).then(LINKED)
    given(CREATED, LINKED).when(LINK).then()
    given(CREATED, LINKED).when(UNLINK).then(UNLINKED)
    given(CREATED).when(UNLINK).then()
    assert fold("user", CREATED, LINKED).identities == (Identity(ISSUER, "a-1"),)
    assert fold("user", CREATED, LINKED, UNLINKED).identities == ()


def test_a_user_has_a_limited_number_of_identities() -> None:
    many = [Linked(user=ANNA, issuer=ISSUER, subject=f"b-{at}") for at in range(user.IDENTITIES_MAX)]
    given(CREATED, *many).when(LINK).refused(Conflict, "at most 10 identities")
    given(CREATED, *many[1:]).when(LINK).then(LINKED)


@pytest.mark.parametrize(
    ("issuer", "subject", "message"),
    [
        ("id.example.org", "a", "issuer has to be"),
        ("ftp://id.example.org", "a", "issuer has to be"),
        ("https://id.example.org?a", "a", "issuer has to be"),
        ("https://id.example.org/" + "a" * 500, "a", "issuer has to be"),
        (ISSUER, "", "A subject has"),
        (ISSUER, " a", "A subject has"),
        (ISSUER, "a\n", "A subject has"),
        (ISSUER, "ä", "A subject has"),
        (ISSUER, "a" * 256, "A subject has"),
    ],
)
def test_an_identity_that_no_provider_can_have_is_refused(issuer: str, subject: str, message: str) -> None:
    wrong = Link(id=COMMAND, at=AT, user=ANNA, issuer=issuer, subject=subject)
    given(CREATED).when(wrong).refused(Invalid, message)
    longest = Linked(user=ANNA, issuer=ISSUER, subject="a" * 255)
    given(CREATED).when(Link(id=COMMAND, at=AT, user=ANNA, issuer=ISSUER, subject="a" * 255)).then(longest)


def test_another_entity_is_no_concern_of_a_user() -> None:
    with pytest.raises(TypeError, match="not a command of a user"):
        user.decide(Pause(id=COMMAND, at=AT, reason="lunch"), user.initial)
    assert get_args(user.UserRole) == user.USER_ROLES
