"""Attacks on the host's files, variables and mounts."""

from tests.attacks.attack import Attack, Judge, Seen, all_got, both


def _leaked(seen: Seen) -> str:
    return "" if seen.leaked else f"without a box the secret does not come out either: {seen.outcomes}"


def _hit(name: str) -> Judge:
    return lambda seen: "" if name in seen.hits else f"without a box the {name} is not reached either"


def _no_leak_but_ran(seen: Seen) -> str:
    """Judge that the program ran and that no secret came out. Reading attempts are permitted here."""
    return "" if seen.reason == "exit" and seen.outcomes else f"it did not run: {seen.reason} {seen.said}"


ATTACKS = (
    Attack(
        name="h01",
        title="the environment",
        tries="reads its own environment variables, and those of every process that it sees",
        code="""
attempt("look own", lambda: os.environ[FACTS["variable"]])
def others():
    found = b""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found += open(f"/proc/{name}/environ", "rb").read()
            except OSError:
                pass
    at = found.find(b"secret-")
    return found[at : at + 23] if at >= 0 else ""
attempt("look others", others)
""",
        contained=_no_leak_but_ran,
        works=_leaked,
    ),
    Attack(
        name="h02",
        title="files of the host",
        tries="reads a world-readable file of the host, by its path and through /proc",
        code="""
path = FACTS["folder"] + "/secret"
for way in ("", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/../../../..", "/proc/thread-self/root",
            "/proc/%d/root" % FACTS["victim"], "/proc/%d/cwd" % FACTS["victim"]):
    attempt("by " + (way or "path"), lambda: open(way + path).read())
for other in ("/etc/shadow", "/root/.bashrc", "/proc/kcore", "/dev/mem", "/dev/sda", "/dev/vda", "/dev/kmsg"):
    attempt(other, lambda: len(open(other, "rb").read(1)))
def linked():
    os.symlink(path, "away")
    return open("away").read()
attempt("by a link", linked)
""",
        works=both(all_got("by path", "by a link"), _leaked),
    ),
    Attack(
        name="h03",
        title="writing to the host",
        tries="writes to a world-writable folder of the host, to the interpreter and to system folders",
        code="""
for path in (FACTS["folder"] + "/left", sys.executable, "/usr/bin/left", "/etc/passwd", "/etc/ld.so.preload",
             "/usr/lib/left", "/lib/left", "/left", "/aura/bin/left", os.__file__):
    attempt(path, lambda: open(path, "ab").write(b""))
attempt("rename", lambda: os.rename(FACTS["folder"] + "/secret", FACTS["folder"] + "/gone"))
attempt("remove", lambda: os.unlink("/bin/sh"))
""",
        works=_hit("folder"),
    ),
    Attack(
        name="h04",
        title="the kernel's settings and mounts",
        tries="writes to /proc/sys and /proc/sysrq-trigger, and mounts and remounts file systems",
        code="""
attempt("look switch", lambda: open("/proc/sys/kernel/ostype").read())
attempt("look own score", lambda: open("/proc/self/oom_score_adj", "w").write("900"))
for path in ("/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
             "/sys/kernel/uevent_helper", "/sys/power/state"):
    attempt(path, lambda: os.close(os.open(path, os.O_WRONLY)))
if FACTS["mount"]:
    def mount(source, target, kind, flags):
        if LIBC.mount(source, target, kind, flags, None) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        return "mounted"
    attempt("remount", lambda: mount(None, b"/", None, 32))
    attempt("tmpfs", lambda: mount(b"none", b"/tmp", b"tmpfs", 0))
    attempt("proc", lambda: mount(b"proc", b"/tmp", b"proc", 0))
    attempt("umount", lambda: LIBC.umount2(b"/proc", 2) == 0 or open("/nowhere"))
""",
        facts={"mount": 1},
        harmless={"mount": 0},
        honest_part=True,
        outside="outside, it mounts nothing and writes only settings of its own process",
        contained=lambda seen: (
            f"it got {', '.join(seen.got())}" if seen.got() else all_got("look switch", "look own score")(seen)
        ),
        works=all_got("look switch", "look own score"),
    ),
)
