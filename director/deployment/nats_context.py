"""A context file for the nats command line, with the address of the organisation's server."""

import shlex
from urllib.parse import unquote, urlsplit

import msgspec

from bus.embedded.json_file import write_record
from director.settings import Settings

CONTEXT_FILE = "nats-context.json"


class Context(msgspec.Struct, frozen=True):
    """The fields of a nats CLI context. `url` has no credentials; they are in the other fields."""

    description: str
    url: str
    user: str = ""
    password: str = ""
    token: str = ""


def context_of(nats_url: str) -> Context:
    """Return the context of the servers' addresses: one address, or several with commas between them.

    An address has the form `nats://user:password@host` or `token@host`.
    """
    user = password = token = ""
    servers = []
    for server in nats_url.split(","):
        head, at, host = server.strip().rpartition("@")
        scheme = head.partition("://")[0] if "://" in head else "nats"
        servers.append(f"{scheme}://{host}" if at else server.strip())
        known = urlsplit(server.strip() if "://" in server else f"nats://{server.strip()}")
        if at and known.password is not None:
            user, password = unquote(known.username or ""), unquote(known.password)
        elif at:
            token = unquote(known.username or "")
    return Context("Aura Orchestra", ",".join(servers), user, password, token)


def write(settings: Settings) -> str:
    """Write the file, readable only by its owner. Return a note with the shell command that selects the context."""
    path = settings.root / "run" / CONTEXT_FILE
    write_record(path, context_of(settings.endpoints().nats_url))
    return f"for the nats command line: export NATS_CONTEXT={shlex.quote(str(path))}"
