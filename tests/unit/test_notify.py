"""Notifications: the file of receivers, the notices of events, and what each kind of receiver gets."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from director.notify.notices import notice_of, trial_notice
from director.notify.receivers import TOPICS, Mail, Slack, Webhook, read_receivers
from director.notify.senders import NotSent, mail_of, sender, signature_of, slack_body
from director.notify.trial import send_trials
from director.terminal.event_text import Story
from domain.errors import AuraError, Invalid
from domain.message import Envelope, Event, Recorded
from tests.loopback import loopback, raw
from tests.unit.samples import AT, COMMAND, PRINCIPAL, SAMPLES, uuid

GOOD = """
[[receiver]]
kind = "slack"
name = "team"
url_file = "secrets/slack"
topics = ["approvals"]

[[receiver]]
kind = "webhook"
name = "pager"
url = "https://pager.example.com/aura"
secret_file = "secrets/pager"

[[receiver]]
kind = "mail"
name = "anna"
host = "smtp.example.com"
sender = "aura@example.com"
to = ["anna@example.com"]
user = "aura"
password_file = "secrets/mail"
"""
MAIL = 'kind = "mail"\nname = "a"\nhost = "h"\nsender = "a@b"\n'
WEBHOOK = 'kind = "webhook"\nname = "a"\nsecret_file = "s"\n'


def test_the_file_of_receivers_is_read(tmp_path: Path) -> None:
    assert read_receivers(tmp_path) == ()
    (tmp_path / "notify.toml").write_text(GOOD)
    team, pager, anna = read_receivers(tmp_path)
    assert team == Slack(name="team", url_file="secrets/slack", topics=("approvals",))
    assert pager == Webhook(name="pager", url="https://pager.example.com/aura", secret_file="secrets/pager")
    assert isinstance(anna, Mail)
    assert (anna.port, anna.tls, anna.topics) == (587, "starttls", TOPICS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("receiver = 1", "not valid"),
        ("[[receiver]", "not valid"),
        ('[[receiver]]\nkind = "pigeon"\nname = "a"', "pigeon"),
        ('[[receiver]]\nkind = "slack"\nname = "a"\nurl = "x"', "url"),
        (f'[[receiver]]\n{WEBHOOK}url = "http://example.com"', "no TLS"),
        (f'[[receiver]]\n{WEBHOOK}url = "ftp://example.com"', "https"),
        (f'[[receiver]]\n{WEBHOOK}url = "https://example.com"\ntopics = ["all"]', "all"),
        (f"[[receiver]]\n{MAIL}to = []", "at least one"),
        (f'[[receiver]]\n{MAIL}to = ["x"]', "mail addresses"),
        (f'[[receiver]]\n{MAIL}to = ["x@y\\nBcc: z@y"]', "mail addresses"),
        (f'[[receiver]]\n{MAIL}to = ["x@y"]\ntls = "off"', "loopback only"),
        (f'[[receiver]]\n{MAIL}to = ["x@y"]\nuser = "u"', "need each other"),
        (f'[[receiver]]\n{MAIL}to = ["x@y"]\n[[receiver]]\n{MAIL}to = ["x@y"]', "own name"),
        ('[[receiver]]\nkind = "slack"\nname = "../a"\nurl_file = "x"', "letters, digits"),
    ],
)
def test_a_wrong_file_is_refused_with_its_fault(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "notify.toml").write_text(text)
    with pytest.raises(Invalid, match=r"notify\.toml is not valid") as refused:
        read_receivers(tmp_path)
    assert said in refused.value.message
    assert refused.value.hint


def test_a_secret_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    receiver = Slack(name="team", url_file="slack")
    with pytest.raises(Invalid, match="cannot be read"):
        sender(tmp_path, receiver)
    for wrong in ("", "http://hooks.example.com/secret", "a\nb"):
        (tmp_path / "slack").write_text(wrong)
        with pytest.raises(Invalid) as refused:
            sender(tmp_path, receiver)
        assert "hooks.example.com/secret" not in str(refused.value)
    (tmp_path / "slack").write_text("https://hooks.example.com/secret\n")
    assert callable(sender(tmp_path, receiver))


def test_a_text_cannot_forge_a_link_a_call_or_a_header() -> None:
    notice = trial_notice(uuid4(), 0)
    forged = type(notice)(
        **{name: getattr(notice, name) for name in notice.__struct_fields__} | {"text": "<!channel> <https://x|y> & z"}
    )
    assert "<" not in json.loads(slack_body(forged))["text"]
    mail = mail_of(Mail(name="a", host="h", sender="a@b", to=("c@d",)), forged)
    assert mail["Message-ID"] == f"<{notice.id}@aura.invalid>"
    assert "<!channel>" in mail.get_content()


async def test_a_webhook_gets_a_signed_body_and_a_redirect_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key of more than sixteen characters")
    notice = trial_notice(uuid4(), 0)
    async with loopback(raw(204, b"")) as server:
        receiver = Webhook(name="a", url=f"http://127.0.0.1:{server.port}/x", secret_file="key")
        await sender(tmp_path, receiver)(notice)
        (seen,) = server.seen
        assert seen.body["id"] == seen.headers["aura-event-id"] == str(notice.id)
        body = json.dumps(seen.body, separators=(",", ":")).encode()
        expected = signature_of(
            b"a key of more than sixteen characters", seen.headers["aura-timestamp"], str(notice.id), body
        )
        assert seen.headers["aura-signature"] == expected
        server.reply = raw(307, b"", location="http://127.0.0.1:9/")
        with pytest.raises(NotSent, match="307"):
            await sender(tmp_path, receiver)(notice)
        assert len(server.seen) == 2
    with pytest.raises(NotSent, match="cannot be reached"):
        await sender(tmp_path, receiver)(notice)


class MailServer:
    """A real SMTP conversation on loopback. `taken`: the mails."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            match line.split()[0].upper() if line.split() else b"":
                case b"EHLO" | b"HELO" | b"MAIL" | b"RCPT" | b"RSET":
                    writer.write(b"250 OK\r\n")
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.taken.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    writer.write(b"250 taken\r\n")
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    await writer.drain()
                    break
                case _:
                    writer.write(b"502 no\r\n")
        writer.close()


async def test_a_test_reaches_a_mail_server_and_says_when_it_does_not(tmp_path: Path) -> None:
    mails = MailServer()
    server = await asyncio.start_server(mails.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    base = f'[[receiver]]\n{MAIL}to = ["anna@example.com"]\nport = {port}\n'.replace('"h"', '"127.0.0.1"')
    (tmp_path / "notify.toml").write_text(base + 'tls = "off"\n')
    (trial,) = await send_trials(tmp_path)
    assert trial.error == ""
    (mail,) = mails.taken
    assert f"Message-ID: <{trial.event}@aura.invalid>" in mail
    assert "Subject: [Aura] A test of aura notify" in mail
    (tmp_path / "notify.toml").write_text(base)
    (refused,) = await send_trials(tmp_path)
    assert "STARTTLS" in refused.error, "without TLS nothing is sent"
    assert len(mails.taken) == 1
    with pytest.raises(AuraError, match="no receiver 'nobody'"):
        await send_trials(tmp_path, "nobody")
    server.close()
    await server.wait_closed()


LONG = "a" * 64


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        (f'[[receiver]]\n{WEBHOOK}url = "https://{LONG}.example"\n', "cannot be reached"),
        (f'[[receiver]]\n{MAIL}to = ["anna@example.com"]\n'.replace('"h"', f'"{LONG}.example"'), "cannot be sent"),
    ],
    ids=["webhook", "mail"],
)
async def test_a_host_name_that_cannot_exist_is_an_error_of_its_notification(
    receiver: str, said: str, tmp_path: Path
) -> None:
    """The process must go on: such a name raises InvalidURL or UnicodeError, not an error of the network."""
    (tmp_path / "notify.toml").write_text(receiver)
    (tmp_path / "s").write_text("key" * 20)
    (tmp_path / "s").chmod(0o600)
    (trial,) = await send_trials(tmp_path)
    assert said in trial.error
    assert LONG not in trial.error


def recorded_of(seq: int, event: Event) -> Recorded:
    entity, entity_id = event.entity()
    envelope = Envelope(
        id=uuid(1000 + seq),
        type=event.type,
        version=event.version,
        entity=entity,
        entity_id=entity_id,
        run=None,
        employee=None,
        principal=PRINCIPAL,
        role="manager",
        occurred_at=AT,
        command=COMMAND,
        cause=None,
        policy="",
        commitment="",
    )
    return Recorded(seq=seq, envelope=envelope, event=event)


def test_exactly_the_events_that_need_a_person_are_notices() -> None:
    wanted = {
        "run.delivered",
        "run.funds_requested",
        "employee.appealed",
        "incident.raised",
        "organisation.cap_warned",
        "run.budget_warned",
    }
    story, seen = Story(), set()
    for seq, event in enumerate(SAMPLES, 1):
        recorded = recorded_of(seq, event)
        assert notice_of(msgspec.structs.replace(recorded, void="paused"), Story()) is None, "void events do not count"
        notice = notice_of(recorded, story)
        if notice is not None:
            seen.add(notice.type)
            assert notice.title
            assert notice.command.startswith("aura ")
            assert notice.id == recorded.envelope.id
    assert seen == wanted
