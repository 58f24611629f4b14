"""Choice of a free loopback port."""

import random
import socket

from domain.errors import Unavailable

# These ports are below Linux's ephemeral range (32768 and above). So an outgoing connection of another program cannot
# take the port while a server restarts, and a probe of a closed port cannot connect to itself.
LOWEST = 20_000
HIGHEST = 32_000
ATTEMPTS_MAX = 200


def is_free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """Return a port on which no program listens and that is not in `taken`. Raises Unavailable if none is found."""
    draw = random.SystemRandom()
    for _ in range(ATTEMPTS_MAX):
        port = draw.randint(LOWEST, HIGHEST)
        if port not in taken and is_free(port):
            return port
    raise Unavailable(
        f"No free loopback port between {LOWEST} and {HIGHEST} in {ATTEMPTS_MAX} tries.",
        hint="Stop servers that you do not need, or set AURA_NATS_URL.",
        code="no_port",
    )
