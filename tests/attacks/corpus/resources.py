"""Attacks on the limits of a run. The limits are small, so that the same program is harmless outside."""

from tests.attacks.attack import Attack, Judge, Seen, all_got, both, either, ended_by, nothing_got
from verification.sandbox.base import MIB, Limits

PROCESSES = 20


def _more_output_than(most: int) -> Judge:
    return lambda seen: "" if seen.output_bytes > most else f"only {seen.output_bytes} bytes came out"


def _first_then_refused(seen: Seen) -> str:
    """Judge that small amounts were granted and large amounts were refused."""
    refused = [what for what in seen.outcomes if what.startswith("much") and "refused" not in seen.outcomes[what]]
    if refused or not seen.outcomes:
        return f"it got {refused or 'nowhere'} {seen.said}"
    return "" if seen.reason == "exit" else f"it ended by {seen.reason}"


_HOARD = """
def hoard(mib):
    kept = [bytearray(b"x") * (1 << 20) for _ in range(mib)]
    return len(kept)
"""
_FILL = """
def fill(folder, mib):
    import shutil
    here = os.path.join(folder, "fill-" + FACTS["mark"])
    os.mkdir(here)
    try:
        for number in range(mib):
            with open(os.path.join(here, str(number)), "wb") as file:
                file.write(bytes(1 << 20))
        return mib
    finally:
        shutil.rmtree(here)
"""
_SLEEPERS = """
def sleepers(count):
    made = []
    try:
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                time.sleep(15)
                os._exit(0)
            made.append(pid)
    finally:
        for pid in made:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return len(made)
"""

ATTACKS = (
    Attack(
        name="r01",
        title="fork bomb",
        tries="starts more processes than the box may have",
        code=_SLEEPERS + 'attempt("few", lambda: sleepers(5)); attempt("much forking", lambda: sleepers(40))',
        limits=Limits(wall_s=20, processes=PROCESSES),
        contained=both(all_got("few"), _first_then_refused),
        works=all_got("few", "much forking"),
    ),
    Attack(
        name="r02",
        title="memory of one process",
        tries="allocates 96 MiB although the limit is 48 MiB",
        code=_HOARD + 'attempt("memory", lambda: hoard(96))',
        limits=Limits(wall_s=20, memory_bytes=48 * MIB),
        contained=either(ended_by("memory"), nothing_got),
        works=all_got("memory"),
    ),
    Attack(
        name="r03",
        title="memory of a process tree",
        tries="starts six children, which allocate 20 MiB each although the limit is 64 MiB in all",
        code=_HOARD
        + """
import select
ready, told = os.pipe()
held, release = os.pipe()
children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        os.close(release)
        kept = [bytearray(b"x") * (1 << 20) for _ in range(20)]
        os.write(told, b"x")
        os.read(held, 1)
        os._exit(0)
    children.append(pid)
count, until = 0, time.monotonic() + 8
while count < 6 and select.select([ready], [], [], max(0, until - time.monotonic()))[0]:
    count += len(os.read(ready, 6))
os.close(release)
attempt("tree", lambda: sum(os.waitpid(pid, 0)[1] == 0 for pid in children) // 6 or 1 / 0)
""",
        limits=Limits(wall_s=20, memory_bytes=64 * MIB),
        contained=either(ended_by("memory"), nothing_got),
        works=all_got("tree"),
        needs_tree_memory=True,
    ),
    Attack(
        name="r04",
        title="a full work folder",
        tries="writes 12 MiB although the limit is 8 MiB",
        code=_FILL + 'attempt("little", lambda: fill(".", 2)); attempt("much to disk", lambda: fill(".", 12))',
        limits=Limits(wall_s=20, work_bytes=8 * MIB),
        contained=both(all_got("little"), _first_then_refused),
        works=all_got("little", "much to disk"),
    ),
    Attack(
        name="r05",
        title="a full /tmp and /dev/shm",
        tries="writes 64 MiB to /tmp and /dev/shm",
        code=_FILL
        + 'tmp = FACTS["folder"] if os.path.isdir(FACTS["folder"]) else "/tmp"\n'
        + 'attempt("little", lambda: fill(tmp, 2)); attempt("much to tmp", lambda: fill(tmp, 64))\n'
        + 'attempt("much to shm", lambda: fill("/dev/shm", 64))',
        contained=both(all_got("little"), _first_then_refused),
        works=all_got("little", "much to tmp", "much to shm"),
    ),
    Attack(
        name="r06",
        title="all inodes",
        tries="creates 1500 empty files although the limit is 400",
        code="""
def files(folder, count):
    here = os.path.join(folder, f"inodes-{count}-" + FACTS["mark"])
    os.mkdir(here)
    for number in range(count):
        os.close(os.open(os.path.join(here, str(number)), os.O_CREAT | os.O_WRONLY))
    time.sleep(0.3)  # a limit that is watched from outside has its moment
    return count
attempt("some", lambda: files(".", 100))
attempt("much in the work folder", lambda: files(".", 700))
attempt("much in tmp", lambda: files(os.environ["TMPDIR"], 701))
""",
        limits=Limits(wall_s=20, files=400),
        contained=either(ended_by("file_limit"), both(all_got("some"), _first_then_refused)),
        works=all_got("some", "much in the work folder", "much in tmp"),
    ),
    Attack(
        name="r07",
        title="flood of output",
        tries="prints 2 MiB to stdout and stderr although the limit is 20 kB",
        code="""
for _ in range(256):
    os.write(1, b"x" * 4096)
    os.write(2, b"y" * 4096)
say("the end", "got there")
""",
        limits=Limits(wall_s=20, output_bytes=20_000),
        contained=ended_by("output_limit"),
        works=_more_output_than(MIB),
    ),
    Attack(
        name="r13",
        title="open files",
        tries="opens 200 files at the same time although the limit is 64",
        code="""
def many(count):
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    for each in held:
        os.close(each)
    return count
attempt("some", lambda: many(20)); attempt("much open", lambda: many(200))
""",
        limits=Limits(wall_s=20, open_files=64),
        contained=both(all_got("some"), _first_then_refused),
        works=all_got("some", "much open"),
    ),
    Attack(
        name="r14",
        title="a file of a tebibyte",
        tries="creates a sparse file that is larger than the limit of collected output",
        code="""
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def sparse(size):
    with open("sparse", "wb") as file:
        file.truncate(size)
    return os.stat("sparse").st_size
attempt("small", lambda: sparse(1 << 20)); attempt("much hollow", lambda: sparse(1 << FACTS["log2"]))
os.path.exists("sparse") and os.truncate("sparse", 1 << 16)
""",
        facts={"log2": 40},
        harmless={"log2": 34},
        outside="outside, the file has 16 GiB, which every file system accepts",
        collect=("**",),
        contained=both(all_got("small"), _first_then_refused),
        works=all_got("small", "much hollow"),
    ),
    Attack(
        name="r15",
        title="memory in pipes",
        tries="fills the kernel's pipes with 48 MiB although the limit is 32 MiB",
        code="""
import fcntl
F_SETPIPE_SZ = 1031
def pipes(count):
    full = 0
    for _ in range(count):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, F_SETPIPE_SZ, 1 << 20)
        os.set_blocking(writing, False)
        full += os.write(writing, bytes(1 << 20))
    return full >> 20 == count or 1 / 0
attempt("pipes", lambda: pipes(48))
""",
        limits=Limits(wall_s=20, memory_bytes=32 * MIB),
        contained=either(ended_by("memory"), nothing_got),
        works=all_got("pipes"),
        needs_tree_memory=True,
    ),
    Attack(
        name="r16",
        title="threads",
        tries="starts more threads than the box may have",
        code="""
import threading
def threads(count):
    stop = threading.Event()
    made = []
    try:
        for _ in range(count):
            each = threading.Thread(target=stop.wait)
            each.start()
            made.append(each)
    finally:
        stop.set()
        for each in made:
            each.join()
    return len(made)
attempt("few", lambda: threads(5)); attempt("much threading", lambda: threads(60))
""",
        limits=Limits(wall_s=20, processes=PROCESSES),
        contained=both(all_got("few"), _first_then_refused),
        works=all_got("few", "much threading"),
    ),
)
