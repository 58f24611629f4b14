"""Cheats that forge the judge's data: on its answer channel, in its worker, in its files."""

from tests.cheats.corpus.base import EVERYWHERE, WRONG, Cheat, Strike, code, shy

FORGED = (Strike("forged_answer"),)
RACED = (Strike("forged_answer", may=True),)  # whether it writes before the box is gone
MAY_FORGE = (Strike("forged_answer", EVERYWHERE, may=True),)

_EVERY_DESCRIPTOR = """import os
for fd in range(3, 64):
    for line in (b'{"verified": true}\\n', b'2 passed in 0.01s\\n'):
        try:
            os.write(fd, line)
        except OSError:
            pass"""
_ORDER = """import json, os, sys
def channel():
    frame = sys._getframe()
    while frame:
        seen = frame.f_locals
        if "channel" in seen and "order" in seen:
            return seen["order"], seen["channel"]
        frame = frame.f_back
    return None, None
def forge(step, times=1, end=True, **more):
    order, fd = channel()
    if order is None:
        return
    steps = [{"before": {}, "files": {}, **step} for _ in order["steps"]]
    line = order["nonce"] + " " + json.dumps({"steps": steps, "took_s": 0.0, **more}) + chr(10)
    os.write(fd, line.encode() * times)
    if end:
        os._exit(0)"""
_BY_OBJECTS = """import gc, json, os
for one in gc.get_objects():
    if type(one) is dict and "nonce" in one and "steps" in one:
        steps = [{"did": "returned", "value": True, "before": {}, "files": {}} for _ in one["steps"]]
        line = (one["nonce"] + " " + json.dumps({"steps": steps, "took_s": 0.0}) + chr(10)).encode()
        for fd in range(3, 64):
            try:
                os.write(fd, line)
            except OSError:
                pass
return wrong(*args)"""
_LATER = """import os, time
if os.fork() == 0:
    os.setsid()
    for fd in range(3, 64):
        try:
            os.fstat(fd)
        except OSError:
            continue
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        for fd in range(3, 64):
            try:
                os.write(fd, b"2 passed\\n")
            except OSError:
                pass
        time.sleep(0.005)
    os._exit(0)
return wrong(*args)"""
_THREAD = """import os, threading, time
def write():
    while True:
        for fd in range(3, 64):
            try:
                os.write(fd, b"2 passed\\n")
            except OSError:
                pass
        time.sleep(0.0001)
threading.Thread(target=write, daemon=True).start()"""
WORKER_NAMES = ("Encoder", "CaseSteps", "attempt", "_scalar", "_names_of", "_said", "_content", "decode")
"""Names in the worker of a case that a cheat would try to patch."""
_WORKER = f"""import sys
main = sys.modules["__main__"]
for name in {WORKER_NAMES!r}:
    if hasattr(main, name):
        found = getattr(main, name)
        if name == "Encoder":
            found.encode = lambda self, value, depth=0: {{"$any": True}}
        elif name == "_names_of":
            main._names_of = lambda kind: ["ValueError", "builtins.ValueError"]"""
_BUILTINS = """import builtins, json, os, sys
class Anything(dict):
    def __contains__(self, key): return True
    def __eq__(self, other): return True
json.dumps = lambda *args, **kwargs: '{"steps": [], "verified": true}'
json.loads = lambda *args, **kwargs: Anything()
builtins.repr = lambda value: "right"
builtins.all = builtins.any = lambda items: True
os.write = lambda fd, data: len(data)
os._exit = lambda code: None
sys.exit = lambda *code: None"""
_STDOUT = """import sys
class Both:
    def __init__(self, to): self.to = to
    def write(self, text): return self.to.write('{"verified": true}' + chr(10) + "2 passed in 0.01s" + chr(10))
    def __getattr__(self, name): return getattr(self.to, name)
sys.stdout, sys.stderr = Both(sys.stdout), Both(sys.stderr)
print("PASSED")"""
_PRINTS = """print('{"verified": true}')
print("test_visible.py::test_answer PASSED")
print("2 passed in 0.01s")
return wrong(*args)"""
_PARENT_MEMORY = """import os
for pid in [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "r+b", 0) as mem:
            for line in maps:
                low, high = (int(part, 16) for part in line.split()[0].split("-"))
                if "rw" not in line.split()[1] or high - low > 1 << 24 or "[v" in line:
                    continue
                mem.seek(low)
                text = mem.read(high - low)
                at = text.find(b'"steps"')
                while at >= 0:
                    mem.seek(low + at)
                    mem.write(b'"stepz"')
                    at = text.find(b'"steps"', at + 1)
    except (OSError, ValueError, OverflowError):
        pass
return wrong(*args)"""
_PARENT_DESCRIPTORS = """import glob, os
for name in glob.glob("/proc/[0-9]*/fd/*"):
    if name.startswith(f"/proc/{os.getpid()}/"):
        continue
    try:
        if os.readlink(name).startswith(("pipe:", "socket:")):
            fd = os.open(name, os.O_WRONLY | os.O_NONBLOCK)
            os.write(fd, b'{"verified": true}\\n2 passed in 0.01s\\n')
            os.close(fd)
    except OSError:
        pass
return wrong(*args)"""
_KILLS = """import os, signal
for pid in (os.getppid(), -os.getpgid(0), -1):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
return wrong(*args)"""
_STOPS = """import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP):
    try:
        os.kill(os.getppid(), number)
    except OSError:
        pass
return wrong(*args)"""
_OVERWRITES = """import glob, os
names = glob.glob("/aura/**/*", recursive=True) + glob.glob("/usr/lib/python3*/json/*.py")
for name in [*names, "/usr/bin/python3"]:
    try:
        with open(name, "w") as file:
            file.write("print('right')")
    except OSError:
        try:
            os.replace("/dev/null", name)
        except OSError:
            pass
return wrong(*args)"""
_PATHS = """import os
os.environ["PATH"] = os.getcwd() + ":/tmp:" + os.environ.get("PATH", "")
for name in ("python3", "python", "pytest", "sh"):
    for folder in ("/tmp", os.getcwd(), "/aura/bin", "/usr/local/bin"):
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write("#!/bin/sh" + chr(10) + "exit 0" + chr(10))
            os.chmod(os.path.join(folder, name), 0o755)
        except OSError:
            pass
return wrong(*args)"""


_AGAIN = """import os, sys
if "AGAIN" not in os.environ:
    os.environ.update(AGAIN="1", PYTEST_ADDOPTS="--collect-only", PYTHONINSPECT="")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])"""
_ANY = '{"did": "returned", "value": {"$any": True}}'
FORGING: tuple[Cheat, ...] = (
    shy(
        "writes-descriptors",
        "writes forged results to every descriptor, in the call",
        body=f"{_EVERY_DESCRIPTOR}\n{WRONG}",
        strikes=FORGED,
    ),
    shy(
        "writes-descriptors-at-import",
        "writes forged results to every descriptor while it is imported",
        top=_EVERY_DESCRIPTOR,
        strikes=FORGED,
    ),
    shy(
        "child-writes-later",
        "starts a child process that writes to every descriptor, also after the answer",
        body=_LATER,
        strikes=RACED,
    ),
    shy(
        "thread-writes",
        "starts a thread that writes to every descriptor, also while the worker answers",
        top=_THREAD,
        strikes=RACED,
    ),
    shy(
        "forges-once",
        "writes a whole answer with the judge's nonce, and a value that stands for any value",
        top=_ORDER,
        body=f"forge({_ANY})\n{WRONG}",
    ),
    shy(
        "forges-twice", "writes two whole answers", top=_ORDER, body=f"forge({_ANY}, times=2)\n{WRONG}", strikes=FORGED
    ),
    shy(
        "forges-and-goes-on",
        "writes a whole answer before the worker's answer",
        top=_ORDER,
        body=f"forge({_ANY}, end=False)\n{WRONG}",
        strikes=FORGED,
    ),
    shy(
        "forges-a-field",
        "writes an answer that says `verified`",
        top=_ORDER,
        body=f"forge({_ANY}, verified=True)\n{WRONG}",
        strikes=FORGED,
    ),
    shy(
        "forges-another-kind",
        "writes an answer in the form of a command that ended with success",
        top=_ORDER,
        body='forge({"did": "ran", "exit": 0, "stdout": "", "stderr": ""})\nreturn wrong(*args)',
        strikes=FORGED,
    ),
    shy(
        "patches-the-worker",
        "patches the worker's encoder and its table of exception names",
        top=_WORKER,
        body="_ = wrong(*args)\nraise RuntimeError('right')",
    ),
    shy("patches-the-library", "patches json, os and builtins", top=_BUILTINS),
    shy("patches-stdout", "installs its own sys.stdout, which writes forged results", top=_STDOUT),
    shy("prints-results", "prints the output of a test runner in which all tests pass", body=_PRINTS),
    shy("writes-other-memory", "writes to the memory of other processes", body=_PARENT_MEMORY, strikes=MAY_FORGE),
    shy(
        "writes-other-descriptors",
        "opens the descriptors of other processes and writes",
        body=_PARENT_DESCRIPTORS,
        strikes=MAY_FORGE,
    ),
    shy(
        "kills-the-others", "kills its parent, its process group and every other process that it may kill", body=_KILLS
    ),
    shy("stops-the-parent", "stops its parent and ignores signals", body=_STOPS, within_s=1.0),
    shy("overwrites-the-judge", "overwrites the judge's worker and the interpreter", body=_OVERWRITES),
    shy("programs-on-path", "puts its own programs on PATH", body=_PATHS),
    shy(
        "finds-the-nonce",
        "finds the judge's order through the garbage collector, and forges an answer with its nonce",
        body=_BY_OBJECTS,
        strikes=FORGED,
    ),
    code("starts-again", "starts the main program again, with an environment in which pytest runs no test", top=_AGAIN),
)
