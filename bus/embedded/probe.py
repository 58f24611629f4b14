"""Readiness probes. A probe checks a process once, within PROBE_WAIT_S."""

import http.client
import socket
from pathlib import Path
from urllib.parse import urlsplit

from domain.errors import Invalid

PROBE_WAIT_S = 1.0
POSTMASTER_STATUS_LINE = 7


def ready(probe: str, pid: int) -> bool:
    """Return whether a child is ready.

    A probe is `tcp:HOST:PORT`, `http:URL` (any 2xx), `file:PATH` (the file exists), `postmaster:DATA` (the status in
    its lock file) or `none` (always ready). Raises Invalid for any other probe.
    """
    kind, _, rest = probe.partition(":")
    match kind:
        case "none":
            return True
        case "tcp":
            return _tcp(rest)
        case "http":
            return _http(rest)
        case "file":
            return Path(rest).exists()
        case "postmaster":
            return _postmaster(Path(rest), pid)
        case _:
            raise Invalid(
                f"Unknown probe {probe!r}.",
                hint="Write tcp:HOST:PORT, http:URL, file:PATH, postmaster:FOLDER or none.",
            )


def _tcp(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=PROBE_WAIT_S):
            return True
    except OSError:
        return False


def _http(url: str) -> bool:
    answer = get(url, PROBE_WAIT_S)
    return answer is not None and 200 <= answer[0] < 300


def get(url: str, wait_s: float) -> tuple[int, bytes] | None:
    """Return status and body of a page on this machine, or None if there is no answer. Uses no proxy. Blocks."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=wait_s)
    try:
        connection.request("GET", parts._replace(scheme="", netloc="").geturl() or "/")
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _postmaster(data: Path, pid: int) -> bool:
    """Read pid and status from the postmaster's lock file, as pg_ctl does."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > POSTMASTER_STATUS_LINE and lines[0] == str(pid) and lines[7].strip() == "ready"
