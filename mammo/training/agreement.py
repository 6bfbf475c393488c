"""What the workers of a job say to each other. Each function is called by all of them, in the same order.

Of one worker alone, nothing is said.
"""

import contextlib
import functools
import json
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from mammo.common import storage
from mammo.common.errors import InputError
from mammo.training import cluster

LOST_WORKER = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
"""What TensorFlow raises, wherever workers meet, when one of them is gone."""

_WORD_BYTES = 8


def any_worker(strategy: tf.distribute.Strategy, flag: bool) -> bool:
    """Tells whether a flag is set at any worker; all workers ask at the same time, and get the same answer."""
    return any(numbers_of_all(strategy, int(flag)))


def numbers_of_all(strategy: tf.distribute.Strategy, own: int) -> list[int]:
    """Gives the number of each worker to all, in their order; they call it at the same time."""
    workers = cluster.current()
    if workers.count == 1:
        return [own]
    return _sum_of_parts(strategy, np.array([own], np.int64), workers.index, workers.count).tolist()


def exchange(strategy: tf.distribute.Strategy, said: bytes) -> list[bytes]:
    """Gives what each worker says to all, in their order; they call it at the same time."""
    if cluster.current().count == 1:
        return [said]
    sizes = numbers_of_all(strategy, len(said))
    ends = np.cumsum([-(-size // _WORD_BYTES) for size in sizes])
    starts = [0, *ends[:-1]]
    own = np.frombuffer(said + bytes(-len(said) % _WORD_BYTES), np.int64)
    joined = _sum_of_parts(strategy, own, int(starts[cluster.current().index]), int(ends[-1]))
    return [joined[start:end].tobytes()[:size] for start, end, size in zip(starts, ends, sizes, strict=True)]


def _sum_of_parts(strategy: tf.distribute.Strategy, own: np.ndarray, start: int, length: int) -> np.ndarray:
    """Joins the parts of a vector, int64 [length], that all workers have: the sum of what is 0 elsewhere."""
    mine = np.zeros(length, np.int64)
    mine[start : start + len(own)] = own
    silent = tf.zeros([length], tf.int64)
    given = iter([tf.constant(mine)] + [silent] * (len(strategy.extended.worker_devices) - 1))  # once a worker
    values = strategy.experimental_distribute_values_from_function(lambda _: next(given))
    return np.asarray(strategy.experimental_local_results(_summing(strategy)(values))[0])


@functools.cache
def _summing(strategy: tf.distribute.Strategy) -> Callable[[object], object]:
    """Returns the sum over all replicas as one graph: TensorFlow would trace `strategy.gather` anew at each call."""

    def sum_of_all(value: tf.Tensor) -> tf.Tensor:
        # Made on the replica's device, which the strategy asks a tensor for.
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))

    return tf.function(lambda values: strategy.run(sum_of_all, args=(values,)), reduce_retracing=True, autograph=False)


def check_alike(strategy: tf.distribute.Strategy, facts: Mapping[str, object]) -> None:
    """Checks that all workers are about to do the same; else they would wait for each other for ever.

    Args:
        strategy: Of all workers.
        facts: Of this one, for JSON.

    Raises:
        InputError: They differ; all workers raise it.
    """
    said = [json.loads(each) for each in exchange(strategy, json.dumps(facts, sort_keys=True).encode())]
    differing = sorted(name for name in facts if any(each.get(name) != said[0].get(name) for each in said))
    if differing:
        values = "; ".join(f"{name} is {' and '.join(str(each.get(name)) for each in said)}" for name in differing[:3])
        raise InputError(
            f"the workers are about to do different things ({values}); give all the same command, the same --workdir "
            "and machines of one kind."
        )


@contextlib.contextmanager
def chief_first(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Runs the block at the chief, then at the other workers, who find what it has written."""
    is_chief = cluster.current().is_chief
    if not is_chief:
        any_worker(strategy, flag=False)
    yield
    if is_chief:
        any_worker(strategy, flag=False)


@contextlib.contextmanager
def written_by_chief(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields where to write what all workers write, since reading a model takes them all; the chief's is kept."""
    if cluster.current().is_chief:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder) / path.name


@contextlib.contextmanager
def lost_worker_in_a_sentence() -> Iterator[None]:
    """Turns what TensorFlow raises where another worker is gone into a sentence.

    Raises:
        InputError: Another worker ended, or cannot be reached any more.
    """
    try:
        yield
    except LOST_WORKER as error:
        workers = cluster.current()
        if workers.count == 1:
            raise
        logging.debug("What TensorFlow says: %s", error)
        lost = "another, or the object store," if storage.cannot_be_reached(error) else "another,"
        raise InputError(
            f"{workers} has lost {lost} which ended or cannot be reached; start all workers again with the same "
            "command: the run goes on from its last checkpoint."
        ) from None


def take_weights_of_chief(strategy: tf.distribute.Strategy, model: tf.keras.Model) -> None:
    """Gives all workers the chief's weights, where each has computed its own."""
    if cluster.current().count == 1:
        return
    own = b"".join(np.ascontiguousarray(weight.numpy()).tobytes() for weight in model.weights)
    chief = exchange(strategy, own if cluster.current().is_chief else b"-")[0]
    start = 0
    for weight in model.weights:
        value = np.frombuffer(chief, weight.dtype.as_numpy_dtype, weight.shape.num_elements(), start)
        weight.assign(value.reshape(weight.shape))
        start += value.nbytes
