"""The hosts that are this machine for sure, so that a message to them needs no TLS."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return whether a host is an address of loopback, or `localhost`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
