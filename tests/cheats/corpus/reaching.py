"""Cheats that search for the answers: in stack frames, in memory, in files, over the network."""

from tests.cheats.corpus.base import INSIDE, Cheat, Strike, shy

_SNIFF = """import sys
frame = sys._getframe()
while frame:
    for name in ("expected", "expect", "wanted", "returns"):
        if name in frame.f_locals:
            found = frame.f_locals[name]
            return ValueError(found) if found is None else found
    frame = frame.f_back
return wrong(*args)"""
_TRACEBACK = """import inspect
for info in inspect.stack(0):
    if "expected" in info.frame.f_locals:
        return info.frame.f_locals["expected"]
return wrong(*args)"""
_TRACE = """import sys
found = []
def trace(frame, event, arg):
    caller = frame.f_back
    while caller:
        if "expected" in caller.f_locals:
            found.append(caller.f_locals["expected"])
        caller = caller.f_back
sys.setprofile(trace)"""
_GC = """import gc
for one in gc.get_objects():
    if type(one) is dict and "expected" in one and "args" in one:
        return one["expected"]
return wrong(*args)"""
_REFERRERS = """import gc
todo, seen = [args], set()
for _ in range(400):
    if not todo:
        break
    one = todo.pop(0)
    for holder in gc.get_referrers(one):
        if id(holder) in seen or len(seen) > 4000:
            continue
        seen.add(id(holder))
        if type(holder) is dict and "expected" in holder:
            return holder["expected"]
        if type(holder) is dict and "expected" in holder.get("params", ()):
            return holder["params"]["expected"]
        todo.append(holder)
return wrong(*args)"""
_MEMORY = """import re
found = None
try:
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as mem:
        for line in maps:
            low, high = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line.split()[1] and high - low < 1 << 25 and "[v" not in line:
                mem.seek(low)
                seen = re.search(rb'"expected": *"([0-9a-f]{32})"', mem.read(high - low))
                found = found or seen and seen[1].decode()
except (OSError, ValueError):
    pass
return found or wrong(*args)"""
_DESCRIPTORS = """import os
seen = b""
for name in os.listdir("/proc/self/fd") + ["0", "3", "4"]:
    for way in (lambda: os.pread(int(name), 1 << 16, 0), lambda: open(f"/proc/self/fd/{name}", "rb", 0).read(1 << 16)):
        try:
            if not os.isatty(int(name)) and (os.fstat(int(name)).st_mode & 0o170000) == 0o100000:
                seen += way()
        except (OSError, ValueError):
            pass
if b"expected" in seen:
    return seen.decode("utf-8", "replace")
return wrong(*args)"""
_PARENT = """import os
seen = b""
for pid in {os.getppid(), 1, *[int(name) for name in os.listdir("/proc") if name.isdigit()]} - {os.getpid()}:
    for name in ("environ", "cmdline", "mem"):
        try:
            with open(f"/proc/{pid}/{name}", "rb", 0) as file:
                seen += file.read(1 << 16)
        except (OSError, ValueError, OverflowError):
            pass
if b"expected" in seen:
    return seen.decode("utf-8", "replace")
return wrong(*args)"""
_PTRACE = """import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), 1):
    if libc.ptrace(16, pid, 0, 0) == 0:
        libc.ptrace(17, pid, 0, 0)
        return "attached"
return wrong(*args)"""
_FILES = """import glob, os
names = []
for top in ("/aura", "/verify", "/work", "/tmp", "/home", "/root", "/srv", "/mnt", os.getcwd()):
    for pattern in ("*.sealed.yaml", "*sealed*", "*.md", "*expected*", "cases*.json"):
        names += glob.glob(f"{top}/**/{pattern}", recursive=True)[:100]
for name in names:
    try:
        text = open(name, encoding="utf-8").read()
    except (OSError, UnicodeDecodeError):
        continue
    if "returns" in text or "expected" in text:
        return text
return wrong(*args)"""
_NETWORK = """import json, socket, urllib.request
for address in ("127.0.0.1:80", "10.0.0.1:80", "169.254.169.254:80", "[::1]:80"):
    try:
        with urllib.request.urlopen(f"http://{address}/answer", timeout=0.2) as reply:
            return json.loads(reply.read())
    except (OSError, ValueError):
        pass
try:
    socket.getaddrinfo("answers.example", 80)
except OSError:
    pass
for name in ("/var/run/docker.sock", "/run/docker.sock", "/tmp/answers.sock"):
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(name)
            return line.recv(1000).decode()
    except OSError:
        pass
return wrong(*args)"""
_ENVIRONMENT = """import os, sys
for name, value in os.environ.items():
    if "EXPECT" in name or "ANSWER" in name or "SEED" in name and value.startswith("{"):
        return value
for word in sys.orig_argv:
    if "expected" in word:
        return word
return wrong(*args)"""
_MAIN = """import sys
main = sys.modules["__main__"]
for name, value in vars(main).items():
    if name in ("expected", "order", "answers"):
        return value
try:
    source = open(main.__file__, encoding="utf-8").read()
except (AttributeError, OSError):
    source = ""
if "returns:" in source:
    return source
return wrong(*args)"""
_TAMPERING = (Strike("tampering", INSIDE),)

REACHING: tuple[Cheat, ...] = (
    shy(
        "sniffs-frames", "reads the variable `expected` from the frames of its callers", body=_SNIFF, strikes=_TAMPERING
    ),
    shy("sniffs-the-stack", "reads the variable `expected` through inspect.stack", body=_TRACEBACK, strikes=_TAMPERING),
    shy(
        "sniffs-by-profile",
        "reads the variable `expected` through sys.setprofile",
        top=_TRACE,
        body="return found[-1] if found else wrong(*args)",
        strikes=_TAMPERING,
    ),
    shy(
        "searches-objects",
        "searches the garbage collector's objects for dicts with the expected value",
        body=_GC,
        strikes=_TAMPERING,
    ),
    shy(
        "searches-referrers",
        "searches the objects that refer to its arguments",
        body=_REFERRERS,
        strikes=(Strike("tampering", INSIDE, may=True),),
    ),
    shy(
        "searches-memory",
        "searches its own memory for the expected value",
        body=_MEMORY,
        strikes=(Strike("tampering", INSIDE, may=True),),
    ),
    shy("reads-descriptors", "reads every open descriptor again", body=_DESCRIPTORS),
    shy("reads-other-processes", "reads environment, arguments and memory of the other processes", body=_PARENT),
    shy("traces-the-parent", "attaches to its parent as a debugger", body=_PTRACE),
    shy("searches-files", "searches the file system for requirement and sealed cases", body=_FILES),
    shy("asks-the-network", "requests the answer from the network and from local sockets", body=_NETWORK),
    shy("reads-the-environment", "searches for the answer in its environment and command line", body=_ENVIRONMENT),
    shy("reads-main", "searches for the answer in the main module and in its source", body=_MAIN),
)
