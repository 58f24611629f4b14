"""Attacks that continue: beyond their time limit, despite signals, or through remaining processes and files."""

from tests.attacks.attack import Attack, Judge, Seen, all_got, both, ended_by
from verification.sandbox.base import Limits


def _survives(seen: Seen) -> str:
    return "" if seen.survivors else "nothing outlived it"


def _outlived_the_limit(seconds: float) -> Judge:
    return both(all_got("the end"), lambda seen: "" if seen.wall_s > seconds else "it was over too soon")


ATTACKS = (
    Attack(
        name="r08",
        title="endless loop",
        tries="computes longer than its time limit",
        code="""
until = time.monotonic() + FACTS["ms"] / 1000
while time.monotonic() < until:
    pass
say("the end", "got there")
""",
        facts={"ms": 60_000},
        harmless={"ms": 900},
        outside="the loop takes one second instead of one minute",
        limits=Limits(wall_s=0.7),
        contained=ended_by("timeout"),
        works=_outlived_the_limit(0.7),
    ),
    Attack(
        name="r09",
        title="sleep",
        tries="sleeps longer than its time limit",
        code='time.sleep(FACTS["ms"] / 1000)\nsay("the end", "got there")',
        facts={"ms": 60_000},
        harmless={"ms": 900},
        outside="it sleeps for one second instead of one minute",
        limits=Limits(wall_s=0.7),
        contained=ended_by("timeout"),
        works=_outlived_the_limit(0.7),
    ),
    Attack(
        name="r10",
        title="ignored signals",
        tries="ignores every signal that can be ignored, and continues",
        code="""
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for number in (1, 2, 3, 15, 24, 30):
    os.kill(os.getpid(), number)
say("look outlives its signals", "got there")
time.sleep(FACTS["ms"] / 1000)
say("the end", "got there")
""",
        facts={"ms": 60_000},
        harmless={"ms": 900},
        outside="it continues for one second",
        limits=Limits(wall_s=0.7),
        contained=ended_by("timeout"),
        works=_outlived_the_limit(0.7),
    ),
    Attack(
        name="r11",
        title="daemon",
        tries="leaves a process that runs in its own session and ignores signals",
        code="""
import signal
if os.fork() == 0:
    os.setsid()
    for number in (1, 2, 13, 15):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        time.sleep(30)
    os._exit(0)
time.sleep(0.2)
say("look the parent", "got to its end")
""",
        contained=ended_by("exit"),
        works=_survives,
    ),
    Attack(
        name="r12",
        title="open output",
        tries="leaves a child process that keeps stdout open and waits",
        code="""
if os.fork() == 0:
    time.sleep(30)
    os._exit(0)
say("look the parent", "got to its end")
""",
        contained=both(ended_by("exit"), lambda seen: "" if seen.wall_s < 10 else "the held output was waited for"),
        works=_survives,
    ),
)
