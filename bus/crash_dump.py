"""Last words: what a process was doing when the kernel ended it for a fault, and what it is doing now."""

import faulthandler
import signal
import sys


def tell() -> None:
    """Write every thread's stack to the standard error on SIGSEGV and its like, and on SIGUSR1, which ends nothing.

    Called where a process begins. The standard error of a supervised process is its log.
    """
    if sys.__stderr__ is None:  # closed by whoever started us: there is nowhere to write to
        return
    faulthandler.enable(sys.__stderr__)
    faulthandler.register(signal.SIGUSR1, sys.__stderr__)
