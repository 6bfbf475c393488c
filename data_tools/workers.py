"""Runs tasks in several processes, with progress, and leaves no process behind however it ends."""

import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import process
from typing import TypeVar

import cv2

from mammo import errors, progress

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
        workers: How many processes. Each uses one core: two do twice the work of one, and no more.
        total: How many units all tasks have, with those that were done before.
        unit: What a unit is, for the progress bar.
        done: How many units were done before.

    Raises:
        errors.InputError: A process was killed, by want of memory for one.
        Exception: What `function` raised; tasks not yet begun are dropped.
    """
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow or OpenCV may hang
    counter = context.Value("q", 0)
    pool = process.ProcessPoolExecutor(workers, context, _start_worker, (counter,))
    pending = {pool.submit(_run, function, task) for task in tasks}
    try:
        with progress.bar(total, unit, initial=done) as bar:
            while pending:
                ended, pending = concurrent.futures.wait(
                    pending, timeout=0.5, return_when=concurrent.futures.FIRST_COMPLETED
                )
                bar.update(done + counter.value - bar.n)
                for future in ended:
                    yield future.result()
    except process.BrokenProcessPool:
        raise errors.InputError(
            "a worker process was killed, most likely for want of memory; run it again with fewer --workers."
        ) from None
    finally:
        pool.shutdown(wait=not pending, cancel_futures=True)


_count: Callable[[], None]


def _start_worker(counter: "multiprocessing.sharedctypes.Synchronized[int]") -> None:
    global _count  # noqa: PLW0603  a process pool has no other way to hand a worker what cannot be pickled

    def count() -> None:
        with counter.get_lock():
            counter.value += 1

    _count = count
    cv2.setNumThreads(1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, too, and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's workers would wait for ever for the next task of a parent that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _run(function: Callable[[Task, Callable[[], None]], Result], task: Task) -> Result:
    return function(task, _count)
