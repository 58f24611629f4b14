"""The OpenID provider at which people sign in: the file AURA_HOME/oidc.toml, its checks, and the client's secret."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bus import hosts
from bus.secretfile import secret, secret_line
from bus.toml_file import read_toml
from domain.errors import Invalid
from domain.identity import is_issuer

FILE = "oidc.toml"
SECRET = "AURA_OIDC_CLIENT_SECRET"
"""The variable with the client's secret, if the file names no secret file."""
START = "/auth/oidc"
CALLBACK = "/auth/oidc/callback"
CLIENT_ID_CHARACTERS_MAX = 255
NAME_CHARACTERS_MAX = 40


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One OpenID provider, and this organisation as its client.

    `name`: the text of the button. `redirect_uri`: exactly as the provider has it registered. `secret_file`: relative
    to the home. Without a secret the client is public, and PKCE alone protects the code.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    name: str = "OpenID"
    secret_file: str = ""

    @property
    def address(self) -> str:
        """The address at which people open Aura: scheme, host and port of the redirect URI."""
        return self.redirect_uri.removesuffix(CALLBACK)


_config = msgspec.json.Decoder(Config)


def read_config(home: Path) -> Config | None:
    """Return the provider of a home; None without the file. Raises Invalid."""
    file = home / FILE
    config = read_toml(file, _config, partial(_invalid, file))
    if config is None:
        return None
    if fault := _fault(config):
        raise _invalid(file, fault)
    return config


def client_secret(config: Config, home: Path, environment: Mapping[str, str]) -> str:
    """Return the client's secret; empty for a public client. Raises Invalid if its file has not one line of text."""
    if not config.secret_file:
        return secret(SECRET, environment)
    return secret_line(home / config.secret_file, home / FILE)


def issuer_of(home: Path, named: str) -> str:
    """Return the issuer that a command named, or that of the file. Raises Invalid if there is neither."""
    config = None if named else read_config(home)
    if not named and config is None:
        raise Invalid("No issuer is named.", hint=f"Write --issuer URL, or configure a provider in {home / FILE}.")
    return named or (config.issuer if config is not None else "")


def address_fault(url: str, *, loopback: bool) -> str:
    """Return why an address of a provider or of this server cannot be used; empty if it can.

    loopback: permit plain HTTP on loopback.
    """
    if not url.isascii() or " " in url:
        return "the address must have only printable ASCII characters"
    if "#" in url:
        return "the address has a fragment in it"
    return hosts.address_fault(url, loopback=loopback)


def _fault(config: Config) -> str:
    """Return what is wrong in the file; empty if nothing is."""
    if not is_issuer(config.issuer):
        return "issuer: it is not a web address without query and fragment"
    for field, url in (("issuer", config.issuer), ("redirect_uri", config.redirect_uri)):
        if fault := address_fault(url, loopback=True):
            return f"{field}: {fault}"
    if not config.redirect_uri.endswith(CALLBACK) or urlsplit(config.redirect_uri).path != CALLBACK:
        return f"redirect_uri: it is the address of Aura with the path {CALLBACK}"
    if not 0 < len(config.client_id) <= CLIENT_ID_CHARACTERS_MAX or not config.client_id.isprintable():
        return f"client_id: it has 1 to {CLIENT_ID_CHARACTERS_MAX} printable characters"
    if not 0 < len(config.name) <= NAME_CHARACTERS_MAX or not config.name.isprintable():
        return f"name: it has 1 to {NAME_CHARACTERS_MAX} printable characters"
    return ""


def _invalid(file: Path, fault: str) -> Invalid:
    return Invalid(f"{file} is not valid: {fault}.", hint="docs/openid.md shows an example.", code="oidc_file")
