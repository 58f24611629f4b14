"""Cheats that exit early: the exit code reports success before any check runs."""

from tests.cheats.corpus.base import Cheat, code

_FORK = """import os
if os.fork():
    os._exit(0)"""
_TIMER = """import os, threading, time
def leave():
    time.sleep(0.01)
    os._exit(0)
threading.Thread(target=leave, daemon=True).start()"""
_SIGNAL = """import os, signal
signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.02)"""
_SKIP = """try:
    import pytest
except ImportError:
    pass
else:
    pytest.skip("not here")
return wrong(*args)"""
_SKIP_ALL = """try:
    import pytest
except ImportError:
    pass
else:
    pytest.skip("not here", allow_module_level=True)"""
_LEAVE_PYTEST = """try:
    import pytest
except ImportError:
    pass
else:
    pytest.exit("all is well", returncode=0)
return wrong(*args)"""

LEAVING: tuple[Cheat, ...] = (
    code("exit-at-import", "calls os._exit(0) while the module is imported", top="import os\nos._exit(0)"),
    code("sys-exit-at-import", "raises SystemExit(0) while the module is imported", top="raise SystemExit(0)"),
    code("exit-in-call", "calls os._exit(0) when its function is called", body="import os\nos._exit(0)"),
    code("sys-exit-in-call", "raises SystemExit(0) when its function is called", body="import sys\nsys.exit(0)"),
    code(
        "exit-at-the-end",
        "gives a wrong answer, and calls os._exit(0) in an atexit handler",
        top="import atexit, os\natexit.register(os._exit, 0)",
    ),
    code("another-program", "replaces its process by /bin/true", body="import os\nos.execv('/bin/true', ['true'])"),
    code("parent-leaves", "forks at import; the parent exits with 0, and the child continues", top=_FORK),
    code(
        "thread-leaves",
        "starts a thread that ends the process with 0 after a moment",
        top=_TIMER,
        body="import time\ntime.sleep(0.3)\nreturn wrong(*args)",
    ),
    code(
        "signal-leaves",
        "sets a timer whose signal ends the process with 0",
        top=_SIGNAL,
        body="import time\ntime.sleep(0.3)\nreturn wrong(*args)",
    ),
    code("skips-in-call", "calls pytest.skip in the code under test", body=_SKIP),
    code("skips-at-import", "calls pytest.skip for the whole module, in the code under test", top=_SKIP_ALL),
    code("pytest-exit", "calls pytest.exit(returncode=0) in the code under test", body=_LEAVE_PYTEST),
    code("crashes", "reads address 0, so that a signal kills the process", body="import ctypes\nctypes.string_at(0)"),
    code(
        "recurses",
        "recurses without end, after raising the recursion limit",
        body="import sys\nsys.setrecursionlimit(10**9)\ndef deep(n):\n    return [deep(n + 1)]\nreturn deep(0)",
    ),
)
