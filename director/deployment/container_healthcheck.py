"""The health check of a container: exit status 0 if /readyz of its process answers "ready", else 1. Prints the answer.

The arguments PORT and PATH ask another address of the process: the HTTP API answers at /healthz.

The container engine runs this file often, by its path. The file imports only the standard library, so it starts in
some hundredths of a second.
"""

import os
import socket
import sys

WAIT_S = 4.0
ANSWER_BYTES_MAX = 64 * 1024
REQUEST = "GET {} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READY = "/readyz"


def ask(port: int, path: str = READY) -> tuple[bool, str]:
    """Return whether the process on this port of this machine is ready, and its answer or the error."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
            connection.sendall(REQUEST.format(path).encode())
            while len(answer) < ANSWER_BYTES_MAX and (part := connection.recv(ANSWER_BYTES_MAX)):
                answer += part
    except OSError as error:
        return False, f"127.0.0.1:{port} does not answer: {error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    return b" 200 " in head.partition(b"\r\n")[0], body.decode(errors="replace").strip()


if __name__ == "__main__":
    where = sys.argv[1:] or (os.environ["AURA_METRICS_PORT"], READY)
    ready, said = ask(int(where[0]), where[1])
    print(said)
    sys.exit(not ready)
