"""Runs tasks in several processes, with progress, and leaves no process behind however it ends."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import process
from typing import TypeVar

import cv2
import tqdm

from mammo.common import progress
from mammo.common.errors import InputError

_PR_SET_PDEATHSIG = 1  # prctl(2)

Task = TypeVar("Task")
Result = TypeVar("Result")


def run(
    function: Callable[[Task, Callable[[], None]], Result],
    tasks: Sequence[Task],
    workers: int,
    *,
    total: int,
    unit: str,
    done: int = 0,
) -> Iterator[Result]:
    """Yields the result of every task as it ends, in no fixed order.

    Args:
        function: Picklable; gets a task, and what to call after each unit of it.
        tasks: Picklable.
        workers: How many processes, each of one core; 1 runs the tasks in this process.
        total: How many units all tasks have, with those that were done before.
        unit: What a unit is, for the progress bar.
        done: How many units were done before.

    Raises:
        InputError: A process was killed, by want of memory for one.
        Exception: What `function` raised; the other tasks are dropped, those under way are killed.
    """
    with progress.bar(total, unit, initial=done) as bar:
        if workers == 1:
            yield from _run_here(function, tasks, bar)
        else:
            yield from _run_in_pool(function, tasks, workers, bar)


def _run_here(
    function: Callable[[Task, Callable[[], None]], Result], tasks: Sequence[Task], bar: tqdm.tqdm
) -> Iterator[Result]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for task in tasks:
            yield function(task, bar.update)
    finally:
        cv2.setNumThreads(threads)


def _run_in_pool(
    function: Callable[[Task, Callable[[], None]], Result], tasks: Sequence[Task], workers: int, bar: tqdm.tqdm
) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow or OpenCV may hang
    counter = context.Value("q", bar.n)
    pool = process.ProcessPoolExecutor(workers, context, _start_worker, (counter, os.getpid()))
    try:
        with _keyboard_held():
            pending = {pool.submit(_run, function, task) for task in tasks}
        while pending:
            ended, pending = futures.wait(pending, timeout=0.5, return_when=futures.FIRST_COMPLETED)
            bar.update(counter.value - bar.n)
            for future in ended:
                yield future.result()
    except process.BrokenProcessPool:
        raise InputError(
            "a worker process was killed, most likely for want of memory; run it again with fewer --workers."
        ) from None
    except BaseException:  # Ctrl-C, a task that failed: nobody wants to wait for the tasks under way, of minutes
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _keyboard_held() -> Iterator[None]:
    """Keeps Ctrl-C back, here until the block ends; processes started in it never see it, not even as they start."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_count: Callable[[], None]


def _start_worker(counter: "multiprocessing.sharedctypes.Synchronized[int]", parent_pid: int) -> None:
    global _count  # noqa: PLW0603  a process pool has no other way to hand a worker what cannot be pickled

    def count() -> None:
        with counter.get_lock():
            counter.value += 1

    _count = count
    cv2.setNumThreads(1)
    end_with(parent_pid)


def end_with(parent_pid: int) -> None:
    """Asks Linux to kill this process with its parent: it would write on beside the parent's successor, then wait.

    Args:
        parent_pid: Of the process that has started this one; called in it as it starts.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before it was asked
            os._exit(1)


def _run(function: Callable[[Task, Callable[[], None]], Result], task: Task) -> Result:
    return function(task, _count)
