"""deploy/seccomp/verifier.json and the real bubblewrap: a box works under it, and fails without its permissions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verification.sandbox.program import find_program

pytestmark = pytest.mark.needs_sandbox

PROFILE = Path(__file__).parents[2] / "deploy" / "seccomp" / "verifier.json"
NOBODY = 65532
# Takes the filter as a container would, gives up root if it has it, and becomes the program.
UNDER_THE_FILTER = """
import ctypes, json, os, sys
from verification.sandbox import syscalls as table
code = table._line(table._LOAD, table._NUMBER_AT)
column = table._MACHINES[os.uname().machine].column
for name in json.loads(sys.argv[1]):
    number = table._REFUSED[name][column]
    if number is not None:
        code += b"".join(table._when_equal(number, table._ERRNO | table._EPERM))
code += table._line(table._RETURN, table._ALLOW)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
kept = ctypes.create_string_buffer(code)
if os.getuid() == 0:
    os.setgroups([]); os.setgid(NOBODY); os.setuid(NOBODY)
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, ctypes.addressof(kept)))) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""
BOX = (
    *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--disable-userns"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "box"),
    *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/echo", "boxed"),
)


def boxed(refused: list[str], scratch: Path) -> subprocess.CompletedProcess[str]:
    bwrap = find_program(scratch, uid=NOBODY if os.getuid() == 0 else os.getuid()).path
    return subprocess.run(
        [sys.executable, "-c", UNDER_THE_FILTER.replace("NOBODY", str(NOBODY)), json.dumps(refused), bwrap, *BOX],
        cwd=PROFILE.parents[2],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_box_is_made_under_the_verifiers_filter(open_scratch: Path) -> None:
    (rule,) = json.loads(PROFILE.read_text())["syscalls"]
    said = boxed(rule["names"], open_scratch)
    assert (said.returncode, said.stdout) == (0, "boxed\n"), said.stderr
    for name in ("mount", "unshare", "pivot_root", "umount2"):
        assert boxed([*rule["names"], name], open_scratch).returncode != 0, f"control: {name} is needed"


@pytest.fixture
def open_scratch(tmp_path: Path) -> Path:
    """Yield a folder that the box's user can reach."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    return tmp_path
