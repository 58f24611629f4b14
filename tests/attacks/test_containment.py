"""The box as an honest program sees it, and programs at the edge of their limits.

Attacks are in tests/attacks/corpus.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.sandboxes import boxed
from verification.sandbox.base import MIB, Limits, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = pytest.mark.needs_sandbox


def uncontained(code: str) -> bytes:
    """Run the control: the same code as an ordinary process of this user."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=90, check=True).stdout


async def test_only_its_own_environment_and_processes(sandbox: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_TEST_SECRET", "in the environment")
    code = "import json, os; print(json.dumps([dict(os.environ), [p for p in os.listdir('/proc') if p.isdigit()]]))"
    environment, processes = json.loads(uncontained(code))
    assert environment["AURA_TEST_SECRET"]
    assert str(os.getpid()) in processes
    environment, processes = json.loads((await boxed(sandbox, code)).stdout)
    assert set(environment) <= {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "LC_CTYPE"}
    assert len(processes) <= 3


async def test_no_descriptors_but_the_standard_ones(sandbox: Bubblewrap) -> None:
    code = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))"
    held = os.open("/", os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        result = await boxed(sandbox, code, read_only={"/aura/note": b"x"}, stdin=b"in")
    finally:
        os.close(held)
    assert result.stdout.decode().strip() == "[0, 1, 2, 3]"  # 3 is the listing's own


async def test_the_input_can_be_read_and_not_written_to(sandbox: Bubblewrap) -> None:
    code = (
        "import sys\ntry:\n  open('/proc/self/fd/0', 'wb').write(b'x')\nexcept OSError as error:\n  print('refused')\n"
        "print(sys.stdin.read())"
    )
    assert (await boxed(sandbox, code, stdin=b"order")).stdout == b"refused\norder\n"


async def test_every_writable_folder_takes_files(sandbox: Bubblewrap) -> None:
    code = "for folder in ('/work', '/tmp', '/dev/shm'): print(open(folder + '/x', 'w').write('x'))"
    assert (await boxed(sandbox, code)).stdout == b"1\n1\n1\n"


async def test_a_tree_may_use_what_is_granted(sandbox: Bubblewrap) -> None:
    if not (await sandbox.probe()).tree_memory:
        pytest.skip("this machine cannot hold the memory of a tree; the capabilities say so")
    code = (
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n"
        "    x = bytearray(30 << 20)\n    time.sleep(1)\n    os._exit(0)\n"
        "time.sleep(0.7)"
    )
    roomy = await boxed(sandbox, code, limits=Limits(wall_s=15, memory_bytes=512 * MIB))
    assert roomy.reason == "exit"
    assert (roomy.peak_memory_bytes or 0) > 200 * MIB


async def test_exit_0_when_nothing_ran_is_a_failed_setup(sandbox: Bubblewrap) -> None:
    missing = await sandbox.run(RunSpec(argv=("no-such-program",)))
    assert (missing.reason, missing.exit_code) == ("setup_failed", None)
    bad_path = await sandbox.run(RunSpec(argv=("python3", "-c", ""), files={"../x": b""}))
    assert bad_path.reason == "setup_failed"
    ran = await sandbox.run(RunSpec(argv=("python3", "-I", "-c", "raise SystemExit(1)")))
    assert (ran.reason, ran.exit_code) == ("exit", 1)
