"""Runs tasks in several processes, with progress, and leaves no process behind however it ends."""

import contextlib
import ctypes
import itertools
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures import process
from typing import Any, TypeVar

import cv2
import tqdm

from mammo.common import parents, progress
from mammo.common.errors import InputError

TASKS_AHEAD = 4
"""Of each worker: so many tasks are handed out and not yet used, so that none waits while a result is used."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def run(
    function: Callable[[Task, Callable[[], None]], Result],
    tasks: Iterable[Task],
    workers: int,
    *,
    total: int,
    unit: str,
    done: int = 0,
) -> Iterator[Result]:
    """Yields the result of every task as it ends, in no fixed order.

    However many tasks there are, at most `TASKS_AHEAD` a worker are taken from `tasks` before their results are.

    Args:
        function: Picklable; gets a task, and what to call after each unit of it. Each worker gets it once.
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
    function: Callable[[Task, Callable[[], None]], Result], tasks: Iterable[Task], bar: tqdm.tqdm
) -> Iterator[Result]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for task in tasks:
            yield function(task, bar.update)
    finally:
        cv2.setNumThreads(threads)


def _run_in_pool(
    function: Callable[[Task, Callable[[], None]], Result], tasks: Iterable[Task], workers: int, bar: tqdm.tqdm
) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow or OpenCV may hang
    counter = context.Value("q", bar.n)
    pickled = pickle.dumps(function)  # once, and read by the workers from there: what a source knows may be megabytes
    shared = context.RawArray(ctypes.c_char, len(pickled))
    shared.raw = pickled
    pool = process.ProcessPoolExecutor(workers, context, _start_worker, (shared, counter, os.getpid()))
    waiting = iter(tasks)
    try:
        pending = _submit(pool, itertools.islice(waiting, TASKS_AHEAD * workers))
        while pending:
            ended, pending = futures.wait(pending, timeout=0.5, return_when=futures.FIRST_COMPLETED)
            bar.update(counter.value - bar.n)
            for future in ended:
                result = future.result()
                pending |= _submit(pool, itertools.islice(waiting, 1))
                yield result
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


def _submit(pool: process.ProcessPoolExecutor, tasks: Iterable[Any]) -> set[futures.Future[Any]]:
    with _keyboard_held():  # a pool starts its processes as it is given tasks
        return {pool.submit(_run, task) for task in tasks}


@contextlib.contextmanager
def _keyboard_held() -> Iterator[None]:
    """Keeps Ctrl-C back, here until the block ends; processes started in it never see it, not even as they start."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_function: Callable[[Any, Callable[[], None]], Any]
_count: Callable[[], None]


def _start_worker(
    shared: "ctypes.Array[ctypes.c_char]", counter: "multiprocessing.sharedctypes.Synchronized[int]", parent_pid: int
) -> None:
    global _function, _count  # noqa: PLW0603  a process pool has no other way to hand a worker what all tasks share

    def count() -> None:
        with counter.get_lock():
            counter.value += 1

    _count = count
    cv2.setNumThreads(1)
    parents.end_with(parent_pid)
    _function = pickle.loads(memoryview(shared).cast("B"))  # the parent's own words, not copied


def _run(task: Any) -> Any:
    return _function(task, _count)
