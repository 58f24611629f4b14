"""The ways to a receiver: a Slack-compatible webhook, a signed webhook, and mail. Each raises NotSent if it failed."""

import asyncio
import hashlib
import hmac
import smtplib
import ssl
import time
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path

import httpx2
import msgspec

from bus.hosts import address_fault
from bus.secretfile import secret_line
from director.notify.notices import Notice
from director.notify.receivers import FILE, Mail, Receiver, Slack, Webhook
from domain.errors import AuraError, Invalid, said_by

WAIT_S = 10.0
"""The time limit of one sending."""
ANSWER_BYTES_MAX = 64 << 10
EVENT_HEADER, TIME_HEADER, SIGNATURE_HEADER = "Aura-Event-Id", "Aura-Timestamp", "Aura-Signature"
Send = Callable[[Notice], Awaitable[None]]


class NotSent(AuraError):
    """A notification did not reach its receiver."""


def sender(home: Path, receiver: Receiver) -> Send:
    """Return the function that sends a notice to a receiver. Raises Invalid if a secret cannot be read."""
    match receiver:
        case Slack(url_file=file):
            url = secret_line(home / file, home / FILE)
            if fault := address_fault(url):
                raise Invalid(f"The receiver {receiver.name} cannot be used: {fault}.", hint=f"Correct {home / file}.")
            return lambda notice: _post(url, slack_body(notice), {})
        case Webhook(url=url, secret_file=file):
            key = secret_line(home / file, home / FILE).encode()
            return lambda notice: _post_signed(url, notice, key)
        case Mail():
            password = secret_line(home / receiver.password_file, home / FILE) if receiver.password_file else ""
            return lambda notice: _mail(receiver, password, notice)


def slack_body(notice: Notice) -> bytes:
    """Return the body for Slack. Its own marks are escaped, so a text cannot make a link or call everybody."""
    text = f"{notice.title}\n{notice.text}\n{notice.command}"
    for mark, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, escaped)
    return msgspec.json.encode({"text": text})


def signature_of(key: bytes, timestamp: str, id: str, body: bytes) -> str:
    """Return the signature of a webhook: HMAC-SHA256 over time, event id and body, with dots between them."""
    return "sha256=" + hmac.new(key, b".".join((timestamp.encode(), id.encode(), body)), hashlib.sha256).hexdigest()


def mail_of(mail: Mail, notice: Notice) -> EmailMessage:
    """Return the mail of a notice. Its Message-ID is made from the event's id, so a repeat is known."""
    message = EmailMessage()
    message["Subject"] = f"[Aura] {notice.title}"
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Message-ID"] = f"<{notice.id}@aura.invalid>"
    message[EVENT_HEADER] = str(notice.id)
    message.set_content(f"{notice.text}\n\nMore: {notice.command}\n")
    return message


async def _post_signed(url: str, notice: Notice, key: bytes) -> None:
    body, timestamp = msgspec.json.encode(notice), str(int(time.time()))
    await _post(
        url,
        body,
        {
            EVENT_HEADER: str(notice.id),
            TIME_HEADER: timestamp,
            SIGNATURE_HEADER: signature_of(key, timestamp, str(notice.id), body),
        },
    )


async def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """Send a body. Any answer but 2xx is a failure, also a redirect: only the configured address is contacted."""
    try:
        async with (
            asyncio.timeout(WAIT_S),
            httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=WAIT_S) as client,
            client.stream("POST", url, content=body, headers={"Content-Type": "application/json", **headers}) as answer,
        ):
            if not answer.is_success:
                raise NotSent(f"It answered HTTP {answer.status_code}.")
    except TimeoutError:
        raise NotSent(f"It did not answer within {WAIT_S:g} s.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotSent(f"It cannot be reached: {type(error).__name__}.") from None


async def _mail(mail: Mail, password: str, notice: Notice) -> None:
    try:
        await asyncio.to_thread(_send_mail, mail, password, mail_of(mail, notice))
    except UnicodeError as error:  # its text would contain the name or the password
        raise NotSent(f"The host, the name or the password cannot be sent: {type(error).__name__}.") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"The mail server did not take it: {said_by(error)[:200]}.") from None


def _send_mail(mail: Mail, password: str, message: EmailMessage) -> None:
    """Send a mail. Blocks, at most WAIT_S for each answer of the server."""
    trust = ssl.create_default_context()
    if mail.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=WAIT_S, context=trust)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=WAIT_S)
    with server:
        if mail.tls == "starttls":
            server.starttls(context=trust)
        if mail.user:
            server.login(mail.user, password)
        server.send_message(message, mail.sender, list(mail.to))
