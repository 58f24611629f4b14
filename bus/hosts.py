"""Web addresses and hosts to which a message may go: with TLS, or to this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether a host is an address of loopback, or `localhost`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_fault(url: str, *, loopback: bool = True) -> str:
    """Return why a web address may not be used; empty if it may. `loopback`: permit plain HTTP on loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "the address is not valid"
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        return "the address must begin with https://, and have only printable characters"
    if parts.username is not None:
        return "the address has a name or a password in it"
    if parts.scheme == "http" and not (loopback and is_loopback(host)):
        return "the address has no TLS: use https://"
    return ""
