"""Processes that end with the one that has started them: they would write on beside its successor, or wait for ever."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)  # loaded here: between fork and exec there is no time to


def end_with(parent_pid: int) -> None:
    """Asks Linux to kill this process when its parent has ended, however that came; other systems do not.

    Args:
        parent_pid: Of the process that has started this one; called in it as it starts.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before it was asked
            os._exit(1)
