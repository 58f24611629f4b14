"""The form of an attack: a small program, a description, and judges for its containment and for its success outside."""

import json
from collections.abc import Callable, Mapping

import msgspec

from verification.sandbox.base import Limits, Reason

MARK = "@@"
LOOK = "look"
END_MARGIN_S = 8.0
"""Time (s) that a run may need after its wall limit to end, on a loaded machine."""

PRELUDE = f"""
import ctypes, errno, json, os, sys, time
FACTS = json.loads(sys.argv[1])
LIBC = ctypes.CDLL(None, use_errno=True)
def say(what, outcome):
    sys.stdout.write({MARK!r} + json.dumps([what, outcome]) + "\\n")
    sys.stdout.flush()
def attempt(what, act):
    try:
        outcome = "got " + str(act())[:200]
    except BaseException as error:
        number = getattr(error, "errno", None)
        outcome = "refused " + errno.errorcode.get(number, type(error).__name__)
    say(what, outcome)
    return outcome
def call(number, *args):
    ctypes.set_errno(0)
    answer = LIBC.syscall(number, *args)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "call")
    return answer
"""
"""The first lines of every program: facts about the host's canaries, and functions that report each attempt."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one run of an attack, observed from the host."""

    reason: Reason
    exit_code: int | None
    wall_s: float
    outcomes: Mapping[str, str]  # what was tried -> "got ..." or "refused ..."
    output_bytes: int
    files: Mapping[str, bytes]
    refused: tuple[str, ...] = ()
    peak_memory_bytes: int | None = None
    hits: tuple[str, ...] = ()  # canaries of the host that heard or lost something
    survivors: int = 0
    leaked: bool = False  # a secret of the host stands in what came out
    said: str = ""  # the end of stderr, for people

    def got(self) -> list[str]:
        """Return what the program obtained, except things that any program may look at."""
        return [
            what
            for what, outcome in self.outcomes.items()
            if outcome.startswith("got") and what.partition(" ")[0] != LOOK
        ]


Judge = Callable[[Seen], str]
"""It returns an empty text, or the fault."""


def outcomes_of(stdout: bytes) -> dict[str, str]:
    """Return the outcome of each attempt from the lines that the program wrote."""
    found = {}
    for line in stdout.decode(errors="replace").splitlines():
        if line.startswith(MARK):
            try:
                what, outcome = json.loads(line[len(MARK) :])
            except ValueError:  # cut by a limit
                continue
            found[what] = outcome
    return found


def nothing_got(seen: Seen) -> str:
    """Judge that the program ended normally and that each of its attempts was refused."""
    if seen.reason != "exit" or seen.exit_code != 0:
        return f"it did not come to its end: {seen.reason} {seen.exit_code} {seen.said}"
    if not seen.outcomes:
        return "it tried nothing"
    return f"it got {', '.join(seen.got())}" if seen.got() else ""


def all_got(*names: str) -> Judge:
    """Return a judge for a run without a box: each of these attempts must succeed."""

    def judge(seen: Seen) -> str:
        failed = [f"{name}: {seen.outcomes.get(name)}" for name in names if "got" not in seen.outcomes.get(name, "")]
        return f"without a box it fails too: {', '.join(failed)} {seen.said}" if failed else ""

    return judge


def ended_by(*reasons: Reason) -> Judge:
    """Return a judge: one of these limits must end the run in time."""

    def judge(seen: Seen) -> str:
        return "" if seen.reason in reasons else f"it ended by {seen.reason} {seen.outcomes} {seen.said}"

    return judge


def either(first: Judge, second: Judge) -> Judge:
    return lambda seen: first(seen) and second(seen)


def both(first: Judge, second: Judge) -> Judge:
    return lambda seen: first(seen) or second(seen)


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """One attack. `contained` judges a run in a box. `works` judges a run as an ordinary process of a plain user.

    The program gets `facts`. Outside a box, `harmless` replaces some of them, and `outside` says how and why, because
    the whole attack runs outside only if it can harm nobody. With `honest_part`, only permitted actions are tried
    outside. They show that the program tries and reports correctly. Every run in a box is also judged by `held`.
    """

    name: str  # "r01"
    title: str
    tries: str
    code: str
    contained: Judge = nothing_got
    works: Judge
    facts: Mapping[str, int] = {}
    harmless: Mapping[str, int] = {}
    outside: str = ""
    honest_part: bool = False
    limits: Limits = Limits(wall_s=20)
    collect: tuple[str, ...] = ()
    terminal: bool = False  # outside, on a terminal of its own
    needs_tree_memory: bool = False

    def held(self, seen: Seen) -> str:
        """Return the fault of a run in a box: of this attack or of the rules for every box.

        It is empty if all is contained.
        """
        if seen.reason == "setup_failed":
            return f"it was never started: {seen.said}"
        if seen.hits:
            return f"it reached the host: {', '.join(seen.hits)}"
        if seen.leaked:
            return "a secret of the host came out"
        if seen.survivors:
            return f"{seen.survivors} processes outlived their box"
        if seen.wall_s > self.limits.wall_s + END_MARGIN_S:
            return f"it took {seen.wall_s:.1f} s of {self.limits.wall_s:g}"
        if seen.output_bytes > self.limits.output_bytes:
            return f"it said {seen.output_bytes} bytes"
        if (
            sum(map(len, seen.files.values())) > self.limits.collect_bytes
            or len(seen.files) > self.limits.collect_files
        ):
            return "more came out than may"
        return self.contained(seen)
