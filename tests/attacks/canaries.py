"""Things that a contained program must not reach: listeners, a secret, a folder and a process of the host."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from verification.sandbox.runtime import BOX_UID

SECRET_VARIABLE = "AURA_TEST_CANARY"
SECRET = f"secret-{os.urandom(8).hex()}"
VICTIM_S = 120


class Canaries:
    """The canaries of one attack. The secret is the same for all attacks, and is also an environment variable.

    The program gets `facts` about the canaries, so that only the sandbox can stop it.
    """

    def __init__(self) -> None:
        self.mark = f"canary-{os.urandom(8).hex()}"
        self.folder = Path(tempfile.mkdtemp(prefix="aura-canary-", dir="/tmp"))
        self.folder.chmod(0o777)
        self.file = self.folder / "secret"
        self.file.write_text(SECRET)
        self.file.chmod(0o644)
        self._sockets: dict[str, socket.socket] = {}
        self._victim: subprocess.Popen[bytes] | None = None
        self._held = -1

    def __enter__(self) -> Self:
        self._listen("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self._listen("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        with suppress(OSError):  # a machine without IPv6
            self._listen("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
        self._listen("unix", socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "listener"))
        (self.folder / "listener").chmod(0o777)
        self._listen("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.mark}")
        self._held = os.open(self.file, os.O_RDONLY)
        os.set_inheritable(self._held, True)
        self._victim = subprocess.Popen(
            ["sleep", str(VICTIM_S)], user=BOX_UID if os.getuid() == 0 else None, stdout=subprocess.DEVNULL
        )
        self._known = sorted(os.listdir(self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._victim is not None
        self._victim.kill()
        self._victim.wait()
        os.close(self._held)
        for each in self._sockets.values():
            each.close()
        shutil.rmtree(self.folder)

    def facts(self) -> dict[str, object]:
        assert self._victim is not None
        return {
            "mark": self.mark,
            "tcp": self._sockets["tcp"].getsockname()[1],
            "tcp6": self._sockets["tcp6"].getsockname()[1] if "tcp6" in self._sockets else 0,
            "udp": self._sockets["udp"].getsockname()[1],
            "folder": str(self.folder),
            "variable": SECRET_VARIABLE,
            "descriptor": self._held,
            "victim": self._victim.pid,
        }

    @property
    def held(self) -> int:
        """Return a descriptor of the secret that child processes inherit."""
        return self._held

    def hits(self) -> tuple[str, ...]:
        """Name the canaries that were reached."""
        assert self._victim is not None
        found = [name for name, each in self._sockets.items() if self._heard(each)]
        if self._victim.poll() is not None:
            found.append("process")
        if self._known != sorted(os.listdir(self.folder)) or self.file.read_text() != SECRET:
            found.append("folder")
        return tuple(found)

    def _listen(self, name: str, family: int, kind: int, address: object) -> None:
        each = socket.socket(family, kind)
        try:
            each.bind(address)  # type: ignore[arg-type]  # an address of the family
            if kind == socket.SOCK_STREAM:
                each.listen()
            each.setblocking(False)
        except OSError:
            each.close()
            raise
        self._sockets[name] = each

    @staticmethod
    def _heard(each: socket.socket) -> bool:
        try:
            if each.type == socket.SOCK_DGRAM:
                each.recv(1)
            else:
                each.accept()[0].close()
        except BlockingIOError:
            return False
        return True


def ended(pids: list[int]) -> None:
    """Kill the processes that remain after a run without a sandbox."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
