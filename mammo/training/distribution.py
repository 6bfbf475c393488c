"""Devices and precision of a run, and what the workers of a job say to each other."""

import contextlib
import functools
import json
import pathlib
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from mammo.common import errors, hardware
from mammo.common.errors import InputError
from mammo.config.run import Precision
from mammo.training import cluster
from mammo.training.cluster import Cluster

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Policies of Keras by what --config.precision calls them; variables are float32 in all of them."""

LOST_WORKER = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
"""What TensorFlow raises, wherever workers meet, when one of them is gone."""

_WORD_BYTES = 8
_AMPERE = 8  # compute capability: the first GPUs with bfloat16


def make_strategy(devices: int, logical_processors: int = 1) -> tf.distribute.Strategy:
    """Chooses the devices: GPUs where there are any, the processor elsewhere; of all workers of the job.

    Of several workers each waits here for all others. TensorFlow must have done nothing before.

    Args:
        devices: How many; 0: all GPUs there are, or the processor.
        logical_processors: Parts to divide the processor into, which tries out several replicas without a GPU; only
            before TensorFlow has used it.

    Raises:
        InputError: There are fewer than asked for, or workers are asked for parts of their processor.
    """
    workers = cluster.current()
    if workers.count > 1:
        return _of_workers(workers, devices, logical_processors)
    if logical_processors > 1:
        processor = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * logical_processors
        tf.config.set_logical_device_configuration(processor, parts)
    chosen = choose_devices(devices, logical_processors)
    logging.info("Devices: %s.", ", ".join(chosen))
    return _mirrored(tuple(chosen))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """Makes each strategy once: another one would number its all-reduces from the first again.

    TensorFlow would take those of a second model for the first one's, and fail on their shapes.
    """
    return tf.distribute.MirroredStrategy(list(devices))


def _of_workers(workers: Cluster, devices: int, logical_processors: int) -> tf.distribute.Strategy:
    chosen = choose_devices(devices, logical_processors)
    if len(chosen) < len(tf.config.list_physical_devices("GPU")) or logical_processors > 1:
        raise InputError(
            "several workers take all devices that each of them sees; give --config.devices=0 and "
            "--config.logical_processors=1, and set CUDA_VISIBLE_DEVICES where a worker should take fewer."
        )
    return _multi_worker(workers)


@functools.cache
def _multi_worker(workers: Cluster) -> tf.distribute.Strategy:
    """Makes the strategy of all workers once; for it to be made, all of them must have come."""
    logging.info("Waiting for %d workers: %s.", workers.count, ", ".join(workers.addresses))
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(workers.addresses)}),
        task_type="worker",
        task_id=workers.index,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
    # Without a timeout: TensorFlow has a thread sleep for as long beside each all-reduce, hundreds a step. That a
    # worker is gone, its heartbeat tells.
    kinds = tf.distribute.experimental.CommunicationImplementation
    has_gpus = bool(tf.config.list_physical_devices("GPU"))
    options = tf.distribute.experimental.CommunicationOptions(implementation=kinds.NCCL if has_gpus else kinds.RING)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
    except tf.errors.OpError as error:
        raise InputError(
            f"worker {workers.index} of {workers.count} could not meet the others ({errors.in_line(error)}); start all "
            "workers again with the same command."
        ) from None
    # TensorFlow has put a handler of its own for SIGTERM in the place of Python's.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    logging.info("All %d workers are here, with %d replicas.", workers.count, strategy.num_replicas_in_sync)
    return strategy


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
        raise InputError(
            f"worker {workers.index} of {workers.count} has lost another, which ended or cannot be reached; start all "
            "workers again with the same command: the run goes on from its last checkpoint."
        ) from None


def agree(strategy: tf.distribute.Strategy, model: tf.keras.Model) -> None:
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


def choose_devices(devices: int, logical_processors: int = 1) -> list[str]:
    """Names the devices that `make_strategy` takes.

    Raises:
        InputError: There are fewer than asked for.
    """
    gpus = tf.config.list_physical_devices("GPU")
    names = [f"GPU:{index}" for index in range(len(gpus))] or [f"CPU:{index}" for index in range(logical_processors)]
    if devices > len(names):
        kind = "GPUs" if gpus else "processors (no GPU)"
        raise InputError(
            f"--config.devices={devices}, but there are {len(names)} {kind} here; ask for fewer, or for 0: all."
        )
    return names[: devices or len(names)]


def set_precision(precision: Precision) -> Precision:
    """Sets the precision that models compute in from here on; takes and returns what `choose_precision` does."""
    chosen = choose_precision(precision)
    logging.info("Precision: %s%s.", chosen, " (chosen by --config.precision=auto)" if precision == "auto" else "")
    tf.keras.mixed_precision.set_global_policy(_POLICIES[chosen])
    return chosen


def choose_precision(precision: Precision) -> Precision:
    """Chooses what models compute in.

    Args:
        precision: What is wanted; "auto": bfloat16 where the GPU has it, or the processor has AMX, the units that make
            it faster; float32 elsewhere.

    Returns:
        It, or what "auto" comes to.
    """
    return _fastest() if precision == "auto" else precision


def _fastest() -> Precision:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return "bfloat16" if capability[0] >= _AMPERE else "float32"
    return "bfloat16" if hardware.has_amx() else "float32"


def share_batch_norm(model: tf.keras.Model) -> None:
    """Lets batch normalisation see the global batch, so that several replicas train as one would.

    The fused kernel, which one replica is faster with, cannot; it differs in the moving variance, too, which it
    corrects for the size of the batch.

    Args:
        model: Freshly built; changed in place.
    """
    for layer in _batch_norms(model):
        layer.fused = False
        layer.synchronized = True


def own_statistics(model: tf.keras.Model) -> list[tf.Variable]:
    """Returns the moving statistics that each replica makes of its own part of a global batch."""
    layers = [layer for layer in _batch_norms(model) if layer.trainable and not layer.synchronized]
    return [statistic for layer in layers for statistic in (layer.moving_mean, layer.moving_variance)]


def _batch_norms(model: tf.keras.Model) -> list[tf.keras.layers.BatchNormalization]:
    return [layer for layer in model.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
