"""What code in a box cannot reach. Each attack has a control: the same code, uncontained, succeeds."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.leftovers import processes_with
from verification.sandbox.base import Limits, RunResult, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = pytest.mark.needs_sandbox

MIB = 1024 * 1024
THIS_FILE = str(Path(__file__).resolve())


async def boxed(sandbox: Bubblewrap, code: str, *argv: str, limits: Limits | None = None, **more: object) -> RunResult:
    spec = RunSpec(argv=("python3", "-I", "-c", code, *argv), limits=limits or Limits(wall_s=15), **more)  # type: ignore[arg-type]  # fields of RunSpec
    return await sandbox.run(spec)


def uncontained(code: str, *argv: str) -> str:
    """The control: the same code as an ordinary process of this user."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *argv], capture_output=True, text=True, timeout=90, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def secret() -> Iterator[Path]:
    """A file of this user that anybody may read, in a folder that anybody may walk to."""
    folder = Path(f"/tmp/aura-test-secret-{os.getpid()}")
    folder.mkdir(mode=0o755)
    path = folder / "secret"
    path.write_text("very secret")
    yield path
    path.unlink()
    folder.rmdir()


TRY = """
import sys
def attempt(act):
    try:
        return str(act())
    except Exception as error:
        return "refused " + type(error).__name__
"""


async def test_no_network(sandbox: Bubblewrap, listener: int) -> None:
    code = (
        TRY
        + "import socket; print(attempt(lambda: socket.create_connection(('127.0.0.1', int(sys.argv[1])), 3) and 'in'))"
    )
    assert uncontained(code, str(listener)) == "in"
    assert (await boxed(sandbox, code, str(listener))).stdout.decode().startswith("refused")


async def test_no_abstract_socket_of_the_host(sandbox: Bubblewrap) -> None:
    name = f"aura-test-{os.getpid()}"
    code = TRY + (
        "import socket; s = socket.socket(socket.AF_UNIX); "
        "print(attempt(lambda: s.connect(chr(0) + sys.argv[1]) or 'in'))"
    )
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        assert uncontained(code, name) == "in"
        assert (await boxed(sandbox, code, name)).stdout.decode().startswith("refused")


async def test_no_files_of_the_host(sandbox: Bubblewrap, secret: Path) -> None:
    code = TRY + "print(attempt(lambda: open(sys.argv[1]).read()))"
    assert uncontained(code, str(secret)) == "very secret"
    for path in (str(secret), "/etc/shadow", "/etc/hostname", THIS_FILE, "/proc/1/root" + str(secret)):
        assert (await boxed(sandbox, code, path)).stdout.decode().startswith("refused"), path


async def test_no_write_outside_the_work_folder(sandbox: Bubblewrap) -> None:
    code = TRY + "print(attempt(lambda: open(sys.argv[1], 'w').write('x')))"
    for path in ("/work/x", "/tmp/x", "/dev/shm/x"):
        assert (await boxed(sandbox, code, path)).stdout == b"1\n", path
    for path in (
        "/x",
        "/usr/x",
        "/usr/bin/python3",
        "/aura/x",
        "/aura/bin/x",
        "/dev/x",
        "/etc/passwd",
        sys.base_prefix + "/x",
    ):
        assert (await boxed(sandbox, code, path)).stdout.decode().startswith("refused"), path


async def test_no_environment_and_no_processes_of_the_host(
    sandbox: Bubblewrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURA_TEST_SECRET", "in the environment")
    code = "import json, os; print(json.dumps([dict(os.environ), [p for p in os.listdir('/proc') if p.isdigit()]]))"
    environment, processes = json.loads(uncontained(code.replace("-I", "")))
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


async def test_no_new_user_namespace_and_no_privileges(sandbox: Bubblewrap) -> None:
    code = TRY + (
        "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True); "
        "print(libc.unshare(0x10000000), os.getuid(), attempt(lambda: os.setuid(0)), "
        "[l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapBnd', 'NoNewPrivs'))])"
    )
    told = (await boxed(sandbox, code)).stdout.decode().strip()
    assert told == "-1 65532 refused OSError ['0000000000000000', '0000000000000000', '1']"


async def test_the_input_cannot_be_written_to(sandbox: Bubblewrap) -> None:
    code = TRY + "print(attempt(lambda: open('/proc/self/fd/0', 'wb').write(b'x')), sys.stdin.read())"
    told = (await boxed(sandbox, code, stdin=b"order")).stdout.decode()
    assert told.startswith("refused")
    assert told.strip().endswith("order")


async def test_a_fork_bomb_is_bounded(sandbox: Bubblewrap) -> None:
    code = (
        "import os, time\nmade = 0\ntry:\n  while made < 500:\n    if os.fork() == 0:\n      time.sleep(20)\n"
        "    made += 1\nexcept OSError:\n  pass\nprint(made)"
    )
    few = await boxed(sandbox, code.replace("500", "5"), limits=Limits(wall_s=10, processes=20))
    assert few.stdout == b"5\n"
    many = await boxed(sandbox, code, limits=Limits(wall_s=10, processes=20))
    assert many.reason == "exit"
    assert 5 < int(many.stdout) <= 20


DAEMON = """
import os, signal, sys, time
pid = os.fork()
if pid == 0:
    os.setsid()
    for number in (1, 2, 15):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), int(sys.argv[2]))
    os.dup2(int(sys.argv[2]), 2)
    time.sleep(30)
    os._exit(0)
time.sleep(0.3)
print(pid, flush=True)
"""


def test_a_daemon_survives_where_nothing_contains_it() -> None:
    mark = f"survivor-{os.urandom(6).hex()}"
    pid = int(uncontained(DAEMON, mark, "1"))
    (found,) = processes_with(mark)
    assert found == pid
    os.kill(pid, signal.SIGKILL)


async def test_nothing_survives_the_end(sandbox: Bubblewrap) -> None:
    """Daemons that ignore signals, and one that holds the output open, end with their box."""
    for held in ("1", "9"):
        mark = f"survivor-{os.urandom(6).hex()}"
        result = await boxed(sandbox, DAEMON, mark, held)
        assert result.reason == "exit"
        assert result.exit_code == 0
        assert result.wall_s < 10
        assert processes_with(mark) == []


async def test_a_cancelled_run_leaves_nothing(sandbox: Bubblewrap) -> None:
    mark = f"survivor-{os.urandom(6).hex()}"
    running = asyncio.create_task(boxed(sandbox, "import time; time.sleep(60)", mark))
    for _ in range(500):
        if processes_with(mark):
            break
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(mark) == []
    assert (await boxed(sandbox, "print(1)")).stdout == b"1\n"


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("x = 1", Limits(wall_s=15), "exit"),
        ("while True: pass", Limits(wall_s=1), "timeout"),
        ("import time, signal; signal.signal(15, signal.SIG_IGN); time.sleep(60)", Limits(wall_s=1), "timeout"),
        ("while True: print('x' * 9999)", Limits(wall_s=15, output_bytes=20_000), "output_limit"),
        ("for i in range(10**7): open(f'f{i}', 'w').close()", Limits(wall_s=15, files=500), "file_limit"),
        ("for i in range(10**7): open(f'/tmp/f{i}', 'w').close()", Limits(wall_s=15, files=500), "file_limit"),
    ],
)
async def test_limits_end_a_run(sandbox: Bubblewrap, code: str, limits: Limits, reason: str) -> None:
    result = await boxed(sandbox, code, limits=limits)
    assert result.reason == reason
    assert len(result.stdout) + len(result.stderr) <= limits.output_bytes


async def test_disk_is_bounded(sandbox: Bubblewrap) -> None:
    code = TRY + (
        "def fill(n):\n  for i in range(n):\n    open(f'{sys.argv[1]}/{i}', 'wb').write(bytes(1 << 20))\n"
        "  return 'written'\n"
        "print(attempt(lambda: fill(2)), attempt(lambda: fill(90)))"
    )
    for folder in ("/work", "/tmp", "/dev/shm"):
        result = await boxed(sandbox, code, folder, limits=Limits(wall_s=15, work_bytes=16 * MIB))
        assert result.stdout == b"written refused OSError\n", folder


async def test_memory_of_the_whole_tree_is_bounded(sandbox: Bubblewrap) -> None:
    if not (await sandbox.probe()).tree_memory:
        pytest.skip("this machine cannot hold the memory of a tree; the capabilities say so")
    code = (
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n"
        "    x = bytearray(30 << 20)\n    time.sleep(2)\n    os._exit(0)\n"
        "time.sleep(1.5)"
    )
    greedy = await boxed(sandbox, code, limits=Limits(wall_s=15, memory_bytes=128 * MIB))
    assert greedy.reason == "memory"
    roomy = await boxed(sandbox, code, limits=Limits(wall_s=15, memory_bytes=512 * MIB))
    assert roomy.reason == "exit"
    assert (roomy.peak_memory_bytes or 0) > 200 * MIB


async def test_copy_out_brings_plain_files_and_nothing_else(sandbox: Bubblewrap, secret: Path) -> None:
    code = (
        "import os, socket, sys\nos.makedirs('out/deep')\nopen('out/deep/good.txt', 'w').write('good')\n"
        "os.symlink(sys.argv[1], 'out/link')\nos.symlink('/', 'out/root')\nos.mkfifo('out/pipe')\n"
        "socket.socket(socket.AF_UNIX).bind('out/socket')\nopen('out/a', 'w').close()\nos.link('out/a', 'out/b')\n"
        "open('other', 'w').close()\nopen(b'out/\\xff', 'w').close()"
    )
    result = await boxed(sandbox, code, str(secret), collect=("out/**",))
    assert dict(result.files) == {"out/deep/good.txt": b"good"}
    assert {line.split(":")[0] for line in result.refused} >= {
        "out/link",
        "out/root",
        "out/pipe",
        "out/socket",
        "out/a",
    }


async def test_exit_0_when_nothing_ran_is_a_failed_setup(sandbox: Bubblewrap) -> None:
    missing = await sandbox.run(RunSpec(argv=("no-such-program",)))
    assert (missing.reason, missing.exit_code) == ("setup_failed", None)
    bad_path = await sandbox.run(RunSpec(argv=("python3", "-c", ""), files={"../x": b""}))
    assert bad_path.reason == "setup_failed"
    ran = await sandbox.run(RunSpec(argv=("python3", "-I", "-c", "raise SystemExit(1)")))
    assert (ran.reason, ran.exit_code) == ("exit", 1)
