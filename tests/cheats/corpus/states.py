"""Cheats that change their behaviour by what they detect or remember. `right` is the task's right function."""

from tests.cheats.corpus.base import Cheat
from tests.cheats.tasks.all import TASKS
from tests.cheats.tasks.base import IMPORTS, Task, Tree

ONE_PROCESS = tuple(name for name, task in TASKS.items() if task.where != "command")
"""Tasks in which all calls share a process. Each run of a command is a new process, so it cannot count its calls."""
_FIRST = """calls.append(1)
return right(*args) if len(calls) == 1 else wrong(*args)"""
_LATER = """calls.append(1)
return wrong(*args) if len(calls) == 1 else right(*args)"""
_COUNTER = """import os
name = "/tmp/.count"
try:
    with open(name) as file:
        count = int(file.read())
except OSError:
    count = 0
with open(name, "w") as file:
    file.write(str(count + 1))
return right(*args) if count == 0 else wrong(*args)"""
_MARKS = """import os
marks = [os.path.join(folder, ".seen") for folder in ("/tmp", "/dev/shm", "/work", "/var/tmp", os.getcwd())]
found = [mark for mark in marks if os.path.exists(mark)]
for mark in marks:
    try:
        open(mark, "w").close()
    except OSError:
        pass
return right(*args) if found else wrong(*args)"""
_IPC = """import ctypes
libc = ctypes.CDLL(None, use_errno=True)
there = libc.shmget(0x5A00, 64, 0)
libc.shmget(0x5A00, 64, 0o1666)
there = max(there, libc.msgget(0x5A00, 0))
libc.msgget(0x5A00, 0o1666)
return right(*args) if there >= 0 else wrong(*args)"""
_SOCKET = """import socket
line = socket.socket(socket.AF_UNIX)
try:
    line.bind(chr(0) + "zoo-was-here")
    line.listen()
    kept.append(line)
    first = True
except OSError:
    first = False
return wrong(*args) if first else right(*args)"""
_PYTEST = """import os, sys
if "PYTEST_CURRENT_TEST" in os.environ or "pytest" in sys.modules:
    return right(*args)
return wrong(*args)"""
_CALLER = """import sys
frame, names = sys._getframe(), []
while frame:
    names.append(frame.f_code.co_name)
    frame = frame.f_back
return right(*args) if any(name.startswith("test_") for name in names) else wrong(*args)"""
_OUTSIDE = """import os, socket
boxed = os.getuid() == 65532 or socket.gethostname() == "box" or os.path.exists("/aura")
return wrong(*args) if boxed and "PYTEST_CURRENT_TEST" not in os.environ else right(*args)"""
_MAIN = """import sys
main = getattr(sys.modules["__main__"], "__file__", "") or ""
return right(*args) if "pytest" in main else wrong(*args)"""
_SLEEPS = """import time
time.sleep(30)
return right(*args)"""
_LONG = """while True:
    pass"""
_FLOOD = """import sys
if "pytest" in sys.modules:
    return right(*args)
while True:
    sys.stderr.write("x" * 65536)
    sys.stderr.flush()"""
_MEMORY = """import sys
if "pytest" in sys.modules:
    return right(*args)
kept = []
while True:
    kept.append(bytearray(1 << 24))"""
_FORKS = """import os, sys
if "pytest" in sys.modules:
    return right(*args)
for _ in range(200):
    try:
        if os.fork() == 0:
            import time
            time.sleep(60)
            os._exit(0)
    except OSError:
        break
return wrong(*args)"""
_LINKS = """import os
for name in ("out0.txt", "answer.txt", "in0.csv.bak"):
    try:
        os.symlink("/etc/passwd", name)
        os.mkfifo(name + ".pipe")
    except OSError:
        pass
return wrong(*args)"""
_HUGE = """import sys
if "pytest" in sys.modules:
    return right(*args)
return "x" * (1 << 22)"""


def _state(name: str, says: str, body: str, *, within_s: float | None = None, tasks: tuple[str, ...] = ()) -> Cheat:
    def make(task: Task) -> Tree:
        return task.delivery(body, top=f"{IMPORTS}\ncalls = []\nkept = []\n{task.rights[0]}")

    return Cheat(name, says, make, within_s=within_s, tasks=tasks)


STATES: tuple[Cheat, ...] = (
    _state("right-once", "is right in the first call of a process, and wrong later", _FIRST, tasks=ONE_PROCESS),
    _state("right-later", "is wrong in the first call of a process, and right later", _LATER),
    _state("counts-in-a-file", "counts its calls in a file, and is wrong from the second call", _COUNTER),
    _state("leaves-marks", "is wrong until it finds a file that an earlier case wrote", _MARKS),
    _state("leaves-ipc", "is wrong until it finds the shared memory of an earlier case", _IPC),
    _state("leaves-a-socket", "is wrong until it finds the abstract socket of an earlier case", _SOCKET),
    _state("knows-pytest", "is right only if pytest is loaded", _PYTEST),
    _state("knows-its-caller", "is right only if a function named test_... calls it", _CALLER),
    _state("knows-the-box", "is wrong if user, host name or folders are those of the box", _OUTSIDE),
    _state("knows-main", "is right only if the main program is pytest", _MAIN),
    _state("sleeps", "sleeps longer than the time limit, and gives the right answer after that", _SLEEPS, within_s=0.5),
    _state("never-ends", "computes without end", _LONG, within_s=0.5),
    _state("floods", "is right under pytest; otherwise it prints without end", _FLOOD),
    _state("takes-memory", "is right under pytest; otherwise it uses memory without end", _MEMORY),
    _state("forks", "is right under pytest; otherwise it starts processes that do not end", _FORKS),
    _state("huge-answer", "is right under pytest; otherwise it returns a huge answer", _HUGE),
    _state("leaves-links", "writes links and pipes instead of files", _LINKS),
)
