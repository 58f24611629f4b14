"""A sampling profiler for the CPU time of this process, without a library.

The kernel sends SIGPROF each time that the process has used some milliseconds of CPU time. The handler notes the stack
of each thread that has used CPU time since the last signal. Python runs a handler between two instructions of the main
thread, so the time of a function in C belongs to the Python function that called it.

The sum of all samples equals the CPU time of Python's threads, because each sample has the weight of the CPU time since
the last one. The thread with the most time since the last sample was probably running when the signal came. The time of
the other threads is kept, and added to the next sample of a thread of their kind. The time of the handler itself is
measured and left out.
"""

import gc
import opcode
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import thread as worker_module
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType

from bench.profiling.layers import Stack
from domain.errors import Unavailable

INTERVAL_S = 0.001
"""CPU time between two signals. Most kernels round it up to 4 ms."""
SILENCE_S = 1.0
"""CPU time in which at least one signal must come. A kernel counts this time in ticks, and a tick may be the host's."""
RESUME = opcode.opmap["RESUME"]
"""The first instruction of each function. A signal seen there came in the caller, before the function began."""
Codes = tuple[tuple[str, CodeType], ...]
MAIN, OTHERS = "main thread", "other threads"
WAITING = (worker_module.__name__, worker_module._worker.__code__)
"""The innermost function of a thread of a pool that waits for work. It used its time before it began to wait."""


@dataclass
class Profile:
    """The result of a profile. `samples`: {stack: seconds of CPU time}. All times are in seconds."""

    samples: dict[Stack, float] = field(default_factory=dict)
    count: int = 0
    """Number of samples. It grows while the block runs."""
    cpu_s: float = 0.0
    """CPU time of this process, from time.process_time(), without the time of the profiler."""
    own_s: float = 0.0
    """CPU time of the profiler."""
    wall_s: float = 0.0
    collecting_s: float = 0.0
    """Time in Python's garbage collector. It is a part of the CPU time."""

    @property
    def sampled_s(self) -> float:
        return sum(self.samples.values())


@contextmanager
def sampled() -> Iterator[Profile]:
    """Sample the block. The yielded profile is complete when the block has ended. Call it in the main thread.

    Raises Unavailable on a system without timers of CPU time, or if a long block got no signal.
    """
    if not hasattr(signal, "setitimer") or not hasattr(time, "pthread_getcpuclockid"):
        raise Unavailable(
            "This system has no timers of CPU time, so nothing can be profiled.",
            hint="Run `make profile` on Linux.",
            code="parts_missing",
        )
    profile = Profile()
    sampler = _Sampler(profile)
    gc.callbacks.append(sampler.on_collection)
    former = signal.signal(signal.SIGPROF, sampler.take)
    cpu, wall = time.process_time(), time.perf_counter()
    sampler.begin()
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    try:
        yield profile
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sampler.end()
        profile.cpu_s, profile.wall_s = time.process_time() - cpu - sampler.own_s, time.perf_counter() - wall
        signal.signal(signal.SIGPROF, former)
        gc.callbacks.remove(sampler.on_collection)
        sampler.give()
    if profile.count == 0 and profile.cpu_s > SILENCE_S:
        raise Unavailable(
            f"The kernel sent no signal in {profile.cpu_s:.1f} s of CPU time, so nothing was profiled.",
            hint="Run `make profile` again. If it fails again, the host leaves this machine too little CPU time.",
            code="parts_missing",
        )


class _Sampler:
    """The state of a profile that runs: the CPU time of each thread at the last signal, and the samples."""

    def __init__(self, profile: Profile) -> None:
        self.own_s = 0.0
        self._profile = profile
        self._main = threading.main_thread().ident or 0
        self._clocks: dict[int, float] = {}
        self._seconds: dict[str, dict[Codes, float]] = {MAIN: {}, OTHERS: {}}
        self._kept = {MAIN: 0.0, OTHERS: 0.0}
        self._collecting_s = 0.0

    def begin(self) -> None:
        self._clocks = _read_clocks()

    def end(self) -> None:
        self._spent(time.thread_time())

    def take(self, number: int, frame: FrameType | None) -> None:
        """Note the stack of the thread that was probably running."""
        del number
        begun = time.thread_time()
        spent = self._spent(begun)
        running = max(spent, key=lambda thread: spent[thread])
        kind = MAIN if running == self._main else OTHERS
        codes = _codes_of(frame if kind == MAIN else sys._current_frames().get(running))
        if codes and codes[-1] != WAITING:
            self._seconds[kind][codes] = self._seconds[kind].get(codes, 0.0) + self._kept[kind]
            self._kept[kind] = 0.0
        self._profile.count += 1
        self._clocks[self._main] = time.thread_time()
        self.own_s += self._clocks[self._main] - begun

    def on_collection(self, phase: str, info: Mapping[str, int]) -> None:
        del info
        self._collecting_s += time.thread_time() if phase == "stop" else -time.thread_time()

    def give(self) -> None:
        """Fill the profile. Time that no sample has got is spread over the samples of the same kind of thread."""
        for kind, samples in self._seconds.items():
            seen = sum(samples.values())
            factor = 1 + self._kept[kind] / seen if seen else 1
            for codes, seconds in samples.items():
                stack = tuple((module, code.co_qualname) for module, code in codes)
                self._profile.samples[stack] = self._profile.samples.get(stack, 0.0) + seconds * factor
        self._profile.collecting_s, self._profile.own_s = self._collecting_s, self.own_s

    def _spent(self, main_s: float) -> dict[int, float]:
        """Return the CPU time of each thread since the last call, and keep it for the next sample.

        main_s: the clock of the main thread before the profiler began to work.
        """
        clocks = _read_clocks() | {self._main: main_s}
        spent = {thread: now - self._clocks.get(thread, 0.0) for thread, now in clocks.items()}
        self._clocks = clocks
        for thread, seconds in spent.items():
            self._kept[MAIN if thread == self._main else OTHERS] += seconds
        return spent


def _read_clocks() -> dict[int, float]:
    """Return the CPU time of each thread of Python, by the thread's id.

    A thread in `_current_frames` has not ended, so its clock exists.
    """
    return {thread: time.clock_gettime(time.pthread_getcpuclockid(thread)) for thread in sys._current_frames()}


def _codes_of(frame: FrameType | None) -> Codes:
    """Return the functions of a stack, the outermost first, without the functions of the profiler."""
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    if frame is not None and frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == RESUME:
        frame = frame.f_back
    codes = []
    while frame is not None:
        codes.append((str(frame.f_globals.get("__name__", "")), frame.f_code))
        frame = frame.f_back
    return tuple(reversed(codes))
