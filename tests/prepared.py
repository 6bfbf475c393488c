"""A Python that has TensorFlow imported, and forks for each program that it is asked to run: see `programs.begin`.

It says so by the line "ready". Each line of standard input is then JSON, and is answered by a line with a number. With
the arguments of `_take_over` it asks for a program; the answer is the number of its process. With that number as `pid`
it waits for the program's end; the answer is its exit status.
"""

import atexit
import gc
import json
import os
import runpy
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import NoReturn

import keras_cv  # noqa: F401  a program finds them imported, and nothing of the project
import matplotlib.pyplot  # noqa: F401
import pandas as pd  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.linear_model  # noqa: F401
import tensorflow as tf  # noqa: F401


def _serve() -> str:
    """Forks for each request; returns the module to run, in each child; does not return in the parent."""
    gc.freeze()  # what is never looked at again is not copied into each child
    print("ready", flush=True)  # libraries print lines of their own before
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            _, status = os.waitpid(request["pid"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        elif child := os.fork():
            print(child, flush=True)
        else:
            return _take_over(**request)
    sys.exit()


def _take_over(
    module: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str], stdout: str, stderr: str
) -> str:
    """Makes this process what `python -m module` would begin as; returns the module."""
    written = os.O_WRONLY | os.O_CREAT | os.O_APPEND  # which lets both be one file
    for path, number, flags in ((os.devnull, 0, os.O_RDONLY), (stdout, 1, written), (stderr, 2, written)):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-m", *arguments]  # runpy puts the module's file there
    return module


def _leave(status: object) -> NoReturn:
    """Ends this process as Python does, but takes nothing apart: of what TensorFlow is made of, that lasts a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    try:
        runpy.run_module(_serve(), run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, str):  # which Python prints
            raise
        _leave(ended.code)
