"""The receivers of notifications: the file AURA_HOME/notify.toml, and its checks."""

from functools import partial
from pathlib import Path
from typing import Literal, get_args

import msgspec

from bus.hosts import address_fault, is_loopback
from bus.toml_file import read_toml
from domain.errors import Invalid

FILE = "notify.toml"
Topic = Literal["approvals", "questions", "incidents", "budgets", "stalls"]
TOPICS: tuple[Topic, ...] = get_args(Topic)
RECEIVERS_MAX = 20
NAME_CHARACTERS_MAX = 40


class Slack(msgspec.Struct, frozen=True, kw_only=True, tag="slack", tag_field="kind", forbid_unknown_fields=True):
    """A webhook of Slack, Mattermost or Discord (address with /slack). `url_file`: the address, which is a secret."""

    name: str
    url_file: str
    topics: tuple[Topic, ...] = TOPICS


class Webhook(msgspec.Struct, frozen=True, kw_only=True, tag="webhook", tag_field="kind", forbid_unknown_fields=True):
    """A program of yours. `secret_file`: the key of the signature."""

    name: str
    url: str
    secret_file: str
    topics: tuple[Topic, ...] = TOPICS


class Mail(msgspec.Struct, frozen=True, kw_only=True, tag="mail", tag_field="kind", forbid_unknown_fields=True):
    """A mail server. `tls`: from the first byte, after STARTTLS, or off (only on loopback)."""

    name: str
    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    tls: Literal["tls", "starttls", "off"] = "starttls"
    user: str = ""
    password_file: str = ""
    topics: tuple[Topic, ...] = TOPICS


Receiver = Slack | Webhook | Mail


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    receiver: tuple[Receiver, ...] = ()


_file = msgspec.json.Decoder(_File)


def read_receivers(home: Path) -> tuple[Receiver, ...]:
    """Return the receivers of a home; none without the file. Raises Invalid."""
    file = home / FILE
    content = read_toml(file, _file, partial(_invalid, file))
    if content is None:
        return ()
    found = content.receiver
    names = [receiver.name for receiver in found]
    if len(set(names)) != len(names) or len(names) > RECEIVERS_MAX:
        raise _invalid(file, f"each receiver needs its own name, and there are at most {RECEIVERS_MAX}")
    for receiver in found:
        if fault := _fault(receiver):
            raise _invalid(file, f"receiver {receiver.name!r}: {fault}")
    return found


def shown_address(receiver: Receiver) -> str:
    """Return where a receiver is, without secrets. The address of Slack is a secret."""
    match receiver:
        case Slack(url_file=file):
            return f"the address in {file}"
        case Webhook(url=url):
            return url.partition("?")[0]
        case Mail(host=host, port=port, to=to):
            return f"{', '.join(to)} by {host}:{port}"


def _fault(receiver: Receiver) -> str:
    if not 0 < len(receiver.name) <= NAME_CHARACTERS_MAX or not receiver.name.replace("-", "").isalnum():
        return "a name has letters, digits and hyphens"
    if not receiver.name.isascii():
        return "a name has ASCII letters only"
    match receiver:
        case Webhook(url=url):
            return address_fault(url)
        case Mail():
            return _mail_fault(receiver)
    return ""


def _mail_fault(mail: Mail) -> str:
    if any(not address or "@" not in address or not address.isprintable() for address in (mail.sender, *mail.to)):
        return "sender and to must be mail addresses"
    if not mail.to or not 0 < mail.port < 65536 or not mail.host:
        return "it needs host, port and at least one address in to"
    if mail.tls == "off" and not is_loopback(mail.host):
        return 'tls = "off" is allowed on loopback only'
    if bool(mail.user) != bool(mail.password_file):
        return "user and password_file need each other"
    return ""


def _invalid(file: Path, fault: str) -> Invalid:
    return Invalid(f"{file} is not valid: {fault}.", hint="docs/notifications.md shows an example.", code="notify_file")
