"""The address and the token of a remote organisation, from AURA_URL, AURA_TOKEN, AURA_TOKEN_FILE and AURA_CA_FILE."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bus.hosts import is_loopback
from bus.secretfile import secret
from domain.errors import Invalid

URL, TOKEN, CA_FILE = "AURA_URL", "AURA_TOKEN", "AURA_CA_FILE"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a remote organisation is, and who asks. `ca_file`: certificates to trust instead of the system's."""

    url: str
    token: str
    ca_file: Path | None = None

    def __repr__(self) -> str:
        """Return the address without its token."""
        return f"Address({self.url})"


def address_in(environment: Mapping[str, str]) -> Address:
    """Return the address in these variables. Raises Invalid.

    Plain http is refused outside loopback, because everybody on the way could read the token.
    """
    text = environment[URL].strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    wrong = parts.scheme not in ("http", "https") or not host or not text.isprintable()
    if wrong or parts.username is not None or parts.query or parts.fragment:
        raise Invalid(
            f"{URL} is not the address of an organisation.", hint=f"Write it like this: {URL}=https://aura.example.com"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise Invalid(
            f"{URL} has no TLS, and {host} is another machine: everybody on the way could read the token.",
            hint="Use https://. Or open an SSH tunnel (ssh -L 8000:127.0.0.1:8000 HOST) and use http://127.0.0.1:8000.",
            code="needs_tls",
        )
    token = secret(TOKEN, environment)
    if not token:
        raise Invalid(
            f"{URL} is set, but there is no token.",
            hint=f"Set {TOKEN} or {TOKEN}_FILE. A director makes one: aura token create NAME --scope read",
            code="no_token",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Invalid(f"{TOKEN} is not a token.", hint="Copy the text that `aura token create` printed.")
    ca_file = environment.get(CA_FILE, "")
    return Address(url=text.rstrip("/"), token=token, ca_file=Path(ca_file) if ca_file else None)
