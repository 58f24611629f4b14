"""Messages to the manager: each is recorded once, with its words and the id of the command that it caused."""

import pytest
from msgspec.structs import replace

from domain.chat import ACTS, MESSAGE_CHARACTERS_MAX, MessageSent, SendMessage
from domain.errors import Conflict, Invalid
from domain.message import Erased
from governance.user_rights import scopes_permit, user_may_send
from tests.unit.given import fold, given
from tests.unit.samples import AT, COMMAND, RUN, uuid

MESSAGE, ACT = uuid(51), uuid(52)
SEND = SendMessage(
    id=COMMAND, at=AT, message=MESSAGE, text=" cancel 01: too late ", act="cancel", command=ACT, about=RUN
)
SENT = MessageSent(message=MESSAGE, text="cancel 01: too late", act="cancel", command=ACT, about=RUN)


def test_a_message_is_recorded_once_with_its_words_and_its_command() -> None:
    given().when(SEND).then(SENT)
    given(SENT).when(SEND).refused(Conflict, "sent already")
    assert SENT.entity() == ("chat", MESSAGE)
    assert (fold("chat", SENT).sent, fold("chat", SENT).command) == (True, ACT)


@pytest.mark.parametrize("text", ["", " \n", "x" * (MESSAGE_CHARACTERS_MAX + 1)])
def test_a_message_needs_words_and_has_a_limit(text: str) -> None:
    given().when(replace(SEND, text=text)).refused(Invalid, "1 to 4000 characters")
    longest = "x" * MESSAGE_CHARACTERS_MAX
    given().when(replace(SEND, text=longest)).then(replace(SENT, text=longest))


def test_only_known_acts_and_a_second_id_are_accepted() -> None:
    given().when(replace(SEND, act="approve")).refused(Invalid, "knows no act 'approve'")
    given().when(replace(SEND, command=COMMAND)).refused(Invalid, "two ids")
    given().when(replace(SEND, attached="a" * 65)).refused(Invalid, "digest of a requirement")
    for act in ACTS:
        given().when(replace(SEND, act=act, attached="a" * 64)).then(replace(SENT, act=act, attached="a" * 64))


def test_a_purged_message_stays_sent() -> None:
    purged = Erased(type=MessageSent.type, entity_kind="chat", entity_id=MESSAGE, run=None)
    given(purged).when(SEND).refused(Conflict, "sent already")
    assert fold("chat", purged).command is None


def test_only_roles_and_scopes_with_an_act_of_the_chat_may_send() -> None:
    assert [user_may_send((role,), SEND) for role in ("director", "operator", "approver")] == [True] * 3
    assert [user_may_send((role,), SEND) for role in ("auditor", "viewer")] == [False] * 2
    assert [scopes_permit((scope,), SEND) for scope in ("submit", "control", "admin")] == [True] * 3
    assert [scopes_permit((scope,), SEND) for scope in ("read", "approve", "halt", "override")] == [False] * 4
