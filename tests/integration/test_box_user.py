"""A program that is started as the box's user has nothing of root, whichever of the two ways started it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verification.sandbox.identity import can_start_as_box_user, starting_as_box_user
from verification.sandbox.runtime import BOX_UID

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can change its user")

TOLD = ("Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:")
CAT = ["/bin/cat", "/proc/self/status"]
RETURN = f"""
import os
for act in (lambda: os.setresuid(0, 0, 0), lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
    try:
        act()
    except PermissionError:
        continue
    print("became root")
print(os.getresuid() == os.getresgid() == ({BOX_UID},) * 3, os.getgroups())
"""


def status(**options: object) -> list[str]:
    text = subprocess.run(CAT, stdout=subprocess.PIPE, check=True, cwd="/", **options).stdout.decode()  # type: ignore[call-overload]  # options of Popen
    return [line for line in text.splitlines() if line.startswith(TOLD)]


def own_status() -> list[str]:
    return [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(TOLD)]


def test_it_is_equal_to_the_change_that_python_makes_in_a_copied_process() -> None:
    before = own_status()
    expected = status(user=BOX_UID, group=BOX_UID, extra_groups=[])
    assert can_start_as_box_user()
    with starting_as_box_user():
        seen = status()
    assert seen == expected
    assert f"Uid:\t{BOX_UID}\t{BOX_UID}\t{BOX_UID}\t{BOX_UID}" in seen
    assert own_status() == before, "this thread has its user again"
    assert status() == before != expected, "the control: without the change the program is root"


def test_the_started_program_cannot_return() -> None:
    command = ["/usr/bin/env", "-i", interpreter(), "-I", "-S", "-c", RETURN]
    with starting_as_box_user():
        told = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd="/").stdout.decode()
    assert told.split("\n")[0] == "True []"
    control = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd="/").stdout.decode()
    assert control.count("became root") == 4


def test_the_user_returns_after_an_error() -> None:
    before = own_status()
    with pytest.raises(FileNotFoundError), starting_as_box_user():
        subprocess.run(["/nowhere/program"], check=True)
    assert own_status() == before


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
@pytest.mark.parametrize(
    ("capabilities", "equal"), [([], True), (["--inh-caps=+chown", "--ambient-caps=+chown"], False)]
)
def test_a_process_with_ambient_capabilities_uses_the_other_way(capabilities: list[str], equal: bool) -> None:
    code = "from verification.sandbox.identity import can_start_as_box_user as can; print(can())"
    command = ["setpriv", *capabilities, sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, check=True, cwd=os.getcwd())
    assert told.stdout.decode().strip() == str(equal)


def interpreter() -> str:
    """Return an interpreter that every user may start."""
    found = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK)), None)
    if found is None:
        pytest.skip("no interpreter that a plain user can start")
    return found
