"""Attacks on the kernel: namespaces, calls, privileges, other processes, devices, terminals and groups."""

from tests.attacks.attack import Attack, Judge, Seen, all_got, both
from tests.attacks.corpus.calls import CALLS

REACHED_MIN = 8
"""At least this number of the calls that are harmless outside must reach the kernel. Kernels differ in which ones."""

NO_IA32 = "refused by signal 11"
"""The outcome of a 32-bit call on a kernel without 32-bit calls."""


def _reached(seen: Seen) -> str:
    return "" if len(seen.got()) >= REACHED_MIN else f"only {seen.got()} reach the kernel without a box {seen.said}"


def _refused_but_looked(*looks: str) -> Judge:
    """Return a judge: nothing was obtained, and the honest part of the program worked."""
    return lambda seen: f"it got {', '.join(seen.got())}" if seen.got() else all_got(*looks)(seen)


def _hit(name: str) -> Judge:
    return lambda seen: "" if name in seen.hits else f"without a box the {name} is not reached either: {seen.outcomes}"


def _leaked(seen: Seen) -> str:
    return "" if seen.leaked else f"without a box the secret does not come out either: {seen.outcomes}"


def _foreign(seen: Seen) -> str:
    """Judge that foreign system calls work outside, or that this machine has none and the program says so."""
    if any(what.startswith("look none") for what in seen.outcomes):
        return ""
    return "" if seen.outcomes.get("int 0x80") == NO_IA32 else all_got("int 0x80")(seen)


_IN_CHILD = """
def in_child(what, act):
    pid = os.fork()
    if pid == 0:
        try:
            attempt(what, act)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        say(what, f"refused by signal {os.WTERMSIG(status)}")
def answered(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")
    return result
"""

ATTACKS = (
    Attack(
        name="k01",
        title="new namespaces",
        tries="creates new namespaces by unshare, clone and clone3, to become root in them",
        code=_IN_CHILD
        + """
kinds = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "uts": 0x4000000, "ipc": 0x8000000,
         "cgroup": 0x2000000, "time": 0x80}
for name, flag in kinds.items():
    in_child("unshare " + name, lambda: answered(LIBC.unshare(flag)))
    in_child("unshare user and " + name, lambda: answered(LIBC.unshare(flag | kinds["user"])))
def cloned(flag):
    pid = call(56 if os.uname().machine == "x86_64" else 220, flag | 17, None, None, None, None)
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1]
in_child("clone user", lambda: cloned(kinds["user"]))
in_child("setns", lambda: answered(LIBC.setns(os.open("/proc/self/ns/user", os.O_RDONLY), 0)))
""",
        works=all_got("unshare user", "clone user"),
    ),
    Attack(
        name="k02",
        title="system calls that no program needs",
        tries="makes 50 harmless calls; any result except a refusal shows that the kernel accepted the call",
        code=CALLS,
        facts={"all": 1},
        harmless={"all": 0},
        outside="only the calls that need no privilege are made",
        works=_reached,
    ),
    Attack(
        name="k03",
        title="privileges",
        tries="tries to become root, or to gain capabilities by a set-id program",
        code="""
import stat
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
attempt("capabilities", lambda: 1 / any(int(status[each], 16) for each in ("CapEff", "CapPrm", "CapInh")))
attempt("bounding set", lambda: 1 / int(status["CapBnd"], 16))
attempt("new privileges", lambda: 1 / (int(status["NoNewPrivs"]) == 0))
attempt("setuid", lambda: os.setuid(0))
attempt("setgid", lambda: os.setgid(0))
attempt("setgroups", lambda: os.setgroups([0]))
def set_id():
    for folder in ("/usr/bin", "/bin", "/usr/sbin"):
        for name in os.listdir(folder):
            found = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(found.st_mode) and found.st_mode & stat.S_ISUID and found.st_uid == 0:
                if not os.statvfs(folder).f_flag & os.ST_NOSUID and int(status["NoNewPrivs"]) == 0:
                    return name
    raise OSError(errno.ENOENT, "none")
attempt("a set-id program", set_id)
""",
        works=all_got("bounding set", "new privileges"),
    ),
    Attack(
        name="k04",
        title="other processes",
        tries="kills every process that it may signal, and traces and reads processes of the host",
        code=_IN_CHILD
        + """
attempt("victim", lambda: os.kill(FACTS["victim"], 9))
if FACTS["all"]:
    in_child("trace init", lambda: answered(LIBC.ptrace(16, 1, None, None)))
    attempt("look all", lambda: os.kill(-1, 9))
attempt("memory", lambda: open("/proc/%d/mem" % FACTS["victim"], "rb").read(1))
attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
say("look survived", "got to its end")
""",
        facts={"all": 1},
        harmless={"all": 0},
        outside="it kills one process, and not all processes of this user",
        works=_hit("process"),
    ),
    Attack(
        name="k05",
        title="devices",
        tries="creates device files, and opens the device files of disks and memory",
        code="""
import stat
attempt("look fifo", lambda: os.mkfifo("fifo"))
for name, kind, major, minor in (("disk", stat.S_IFBLK, 8, 0), ("vda", stat.S_IFBLK, 254, 0),
                                 ("memory", stat.S_IFCHR, 1, 1), ("kmsg", stat.S_IFCHR, 1, 11)):
    for folder in (".", "/tmp", "/dev", "/dev/shm"):
        attempt(f"{name} in {folder}",
                lambda: os.mknod(f"{folder}/{name}-{FACTS['mark']}", kind | 0o666, os.makedev(major, minor)))
allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "fd", "stdin", "stdout", "stderr",
           "pts", "shm", "core", "mqueue"}
for name in sorted(set(os.listdir("/dev")) - allowed):
    attempt("/dev/" + name, lambda: os.close(os.open("/dev/" + name, os.O_RDWR | os.O_NONBLOCK)))
""",
        honest_part=True,
        outside="outside, it creates only a fifo, because device files need root",
        contained=_refused_but_looked("look fifo"),
        works=all_got("look fifo"),
    ),
    Attack(
        name="k06",
        title="the terminal",
        tries="inserts input into the terminal from which it was started",
        code="""
import fcntl
if os.isatty(0):
    os.close(os.open(os.ttyname(0), os.O_RDWR))
def typed(path):
    terminal = os.open(path, os.O_RDWR)
    fcntl.ioctl(terminal, 0x5412, b"X")
    return "typed"
attempt("/dev/tty", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))
attempt("typing", lambda: typed("/dev/tty"))
attempt("stdin", lambda: fcntl.ioctl(0, 0x5412, b"X"))
attempt("stdin in parts", lambda: fcntl.ioctl(0, 0x541C, b"\\x02"))
attempt("console", lambda: typed("/dev/console"))
""",
        terminal=True,
        works=all_got("/dev/tty"),
    ),
    Attack(
        name="k07",
        title="inherited descriptors",
        tries="reads file descriptors that its parent process left open",
        code="""
attempt("secret", lambda: os.pread(FACTS["descriptor"], 100, 0).decode())
for number in sorted(map(int, os.listdir("/proc/self/fd"))):
    if number > 2:
        attempt(f"descriptor {number}", lambda: (os.fstat(number), os.readlink(f"/proc/self/fd/{number}"))[1])
attempt("write to the input", lambda: os.write(os.open("/proc/self/fd/0", os.O_WRONLY), b"x"))
""",
        works=both(all_got("secret"), _leaked),
    ),
    Attack(
        name="k08",
        title="control groups",
        tries="leaves its control group, raises its limits and sets a release agent",
        code="""
attempt("look own", lambda: open("/proc/self/cgroup").read() or "none")
def groups():
    found = [line.split()[4] for line in open("/proc/self/mountinfo") if " - cgroup" in line]
    return sorted({*found, "/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"})
attempt("look groups", lambda: len(groups()))
for folder in groups():
    for name in ("cgroup.procs", "tasks", "release_agent", "notify_on_release", "memory.limit_in_bytes", "memory.max",
                 "pids.max", "devices.allow", "cgroup.subtree_control"):
        attempt(f"{folder}/{name}", lambda: os.close(os.open(f"{folder}/{name}", os.O_WRONLY)))
    attempt(f"a group in {folder}", lambda: os.mkdir(f"{folder}/{FACTS['mark']}"))
""",
        honest_part=True,
        outside="outside, it only reads control groups, because writing them needs root",
        contained=_refused_but_looked("look own", "look groups"),
        works=all_got("look own", "look groups"),
    ),
    Attack(
        name="k09",
        title="system calls of another architecture",
        tries="makes system calls as a 32-bit and as an x32 program, with numbers that a simple filter does not know",
        code=_IN_CHILD
        + """
import mmap
def machine_code(code):
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
def getpid_by_int_0x80():
    answer = machine_code(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
    if answer != os.getpid():
        raise OSError(-answer if answer < 0 else errno.ENOSYS, "int 0x80")
    return answer
if os.uname().machine == "x86_64":
    in_child("x32", lambda: call(0x40000000 | 39))
    in_child("int 0x80", getpid_by_int_0x80)
else:
    say("look none on this machine", "got nothing to try")
""",
        works=_foreign,
    ),
)
