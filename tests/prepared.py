"""A Python that has TensorFlow imported, and forks for each program that it is asked to run: see `programs.run`.

It says so by the line "ready". Each line of standard input then asks for a program, as JSON with the arguments of
`_take_over`, and is answered by a line with its exit status.
"""

import gc
import json
import os
import runpy
import sys
from collections.abc import Mapping, Sequence

import keras_cv  # noqa: F401  a program finds them imported, and nothing of the project
import matplotlib.pyplot  # noqa: F401
import pandas as pd  # noqa: F401
import tensorflow as tf  # noqa: F401


def _serve() -> str:
    """Forks for each request; returns the module to run, in each child; does not return in the parent."""
    gc.freeze()  # what is never looked at again is not copied into each child
    print("ready", flush=True)  # libraries print lines of their own before
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            return _take_over(**request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def _take_over(
    module: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str], stdout: str, stderr: str
) -> str:
    """Makes this process what `python -m module` would begin as; returns the module."""
    for path, number, flags in ((os.devnull, 0, os.O_RDONLY), (stdout, 1, os.O_WRONLY), (stderr, 2, os.O_WRONLY)):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-m", *arguments]  # runpy puts the module's file there
    return module


if __name__ == "__main__":
    runpy.run_module(_serve(), run_name="__main__", alter_sys=True)
