"""Devices and precision of a run."""

import functools
import signal
import threading

import tensorflow as tf
from absl import logging

from mammo.common import errors, hardware
from mammo.common.errors import InputError
from mammo.config.run import Precision
from mammo.training import cluster
from mammo.training.cluster import Cluster

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Policies of Keras by what --config.precision calls them; variables are float32 in all of them."""

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
