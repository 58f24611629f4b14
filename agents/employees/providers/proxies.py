"""The choice of the proxy for a call. Like other clients, it uses HTTP(S)_PROXY, ALL_PROXY and NO_PROXY.

Servers on this machine are reached without a proxy: loopback, the unspecified address and this host's own name.
"""

import socket
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def proxy_of(base_url: str, environment: Mapping[str, str]) -> str | None:
    """Return the address of the proxy for a server, or None if no proxy is set. Lower-case variables have priority."""
    parts = urlsplit(base_url)
    host, scheme = (parts.hostname or "").rstrip(".").lower(), parts.scheme.lower()
    if not host or is_this_machine(host):
        return None
    if _excepted(host, parts.port or _PORTS.get(scheme), _value("no_proxy", environment)):
        return None
    proxy = _value(f"{scheme}_proxy", environment) or _value("all_proxy", environment)
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine, without a query to a name server."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        own = socket.gethostname().lower()
        return host == "localhost" or host.endswith(".localhost") or host in (own, own.partition(".")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _value(name: str, environment: Mapping[str, str]) -> str:
    """Return the value of the lower-case variable if it is set, even if it is empty. Otherwise use the upper-case
    variable.
    """
    return (environment[name] if name in environment else environment.get(name.upper(), "")).strip()


def _excepted(host: str, port: int | None, no_proxy: str) -> bool:
    """Return whether NO_PROXY names the host: by name, parent domain, address or network. Each form may have a port."""
    return any(_names(entry, host, port) for entry in no_proxy.lower().replace(",", " ").split())


def _names(entry: str, host: str, port: int | None) -> bool:
    entry = entry.partition("://")[2] or entry
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return ip_address(host) in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted = _split(entry)
    if wanted is not None and wanted != port:
        return False
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split(entry: str) -> tuple[str, int | None]:
    """Return host and port of an entry. An IPv6 address may be in brackets."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        port = rest.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, port = entry.partition(":")
    else:
        name, port = entry, ""
    return name, int(port) if port.isdigit() else None
