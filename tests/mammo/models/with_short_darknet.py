"""Runs a program with `short_darknet` in place of each CSPDarkNet: its module, then its flags."""

import contextlib
import runpy
import sys

from tests.mammo.models import short_darknet

if __name__ == "__main__":
    module, sys.argv = sys.argv[1], sys.argv[1:]
    with contextlib.contextmanager(short_darknet.in_place_of_csp_darknets)():
        runpy.run_module(module, run_name="__main__", alter_sys=True)
