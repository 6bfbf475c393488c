"""Loads the networks of a bundle, in the best precision that the machine has."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

from mammo.common import errors, hardware
from mammo.common.errors import InputError
from mammo.data.batch import Detections
from mammo.inference import compiling, graphs
from mammo.inference.acceleration import Acceleration
from mammo.inference.bundles import Bundle
from mammo.inference.sealing import GRAPH_FILE, NETWORKS_FOLDER
from mammo.models.plans import DetectorPlan, Plan

Predict = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Takes images, float32 [B, H, W, C] in [0, 1], and gives arrays [B, ...] by name."""

_ROUNDING = 1e-3  # by which a sum or a product may leave [0, 1], in bfloat16 too
_MOST_PX = 1e6  # of a box: no more than a network's numbers are good for


def set_precision(precision: str) -> str:
    """Sets what networks compute in, wherever they were trained; their weights are float32.

    Args:
        precision: "auto" is bfloat16 where the processor has units for it, float32 elsewhere; on a GPU that is
            TensorFloat-32, if it has it, but for many exams, see `acceleration`.

    Returns:
        "float32" or "bfloat16".
    """
    if precision == "auto":
        has_gpu = bool(tf.config.list_physical_devices("GPU"))
        precision = "bfloat16" if hardware.has_amx() and not has_gpu else "float32"
    # TensorFlow's own rewriting of graphs, which leaves in float32 what must stay so.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": precision == "bfloat16"})
    return precision


def output_names(plan: Plan) -> tuple[str, ...]:
    """Returns the names of what the network of a plan gives: the fields of `Detections`, or "probabilities"."""
    return Detections._fields if isinstance(plan, DetectorPlan) else ("probabilities",)


def load(bundle: Bundle, name: str, acceleration: Acceleration | None = None) -> Predict:
    """Loads one network.

    Args:
        bundle: Of which.
        name: Of the network.
        acceleration: How to answer for many images; None: as few as are given, at once.

    Raises:
        InputError: It is not what was exported, or has what no export has; or this TensorFlow cannot load it. The
            function that is returned raises it, too, where the network gives what cannot be.
    """
    plan, where = bundle.facts.networks[name], f"{NETWORKS_FOLDER}/{name}/{GRAPH_FILE}"
    content = bundle.content.read(where)
    try:
        graph = graphs.parse(content)
        function = graphs.build(graph, [None, *plan.image_shape], output_names(plan))
        _check_types(plan, function.structured_outputs)
        run = _run_with(function) if acceleration is None else _accelerated(plan, graph, function, acceleration)
    except ValueError as error:
        reason = errors.in_line(error)
        raise InputError(f"{bundle.folder}/{where} cannot be used: {reason}; use a bundle of //mammo:export.") from None

    def predict(images: np.ndarray) -> Mapping[str, np.ndarray]:
        try:
            made = run(images)
            _check_values(plan, made, len(images))
        except (tf.errors.OpError, ValueError) as error:
            reason = errors.in_line(error)
            raise InputError(f"{bundle.folder}/{where} gives no answer: {reason}; use another bundle.") from None
        return made

    return predict


def _run_with(function: compiling.Run) -> Predict:
    return lambda images: {key: value.numpy() for key, value in function(tf.constant(images)).items()}


def _accelerated(
    plan: Plan, graph: graph_pb2.GraphDef, function: compiling.Run, acceleration: Acceleration
) -> compiling.Batches:
    shape = [None, *plan.image_shape]
    run = compiling.compiled(graph, shape, output_names(plan), is_halved=acceleration.is_halved)
    return compiling.Batches(run, function, acceleration.batch_images)


def _check_types(plan: Plan, outputs: Mapping[str, tf.Tensor]) -> None:
    """Checks types and shapes of what a network would give.

    Raises:
        ValueError: They are not those of the plan; the message is a clause.
    """
    if isinstance(plan, DetectorPlan):
        expected = Detections(
            boxes_xyxy_px=(tf.float32, [None, None, 4]),
            scores=(tf.float32, [None, None]),
            classes=(tf.int32, [None, None]),
            num_valid=(tf.int32, [None]),
        )._asdict()
    else:
        expected = {"probabilities": (tf.float32, [None, len(plan.classes)])}
    for name, (dtype, shape) in expected.items():
        given = outputs[name]
        if given.dtype != dtype or not given.shape.is_compatible_with(shape):
            raise ValueError(f"{name} is {given.dtype.name} {given.shape}, not {dtype.name} {tf.TensorShape(shape)}")


def _check_values(plan: Plan, made: Mapping[str, np.ndarray], count: int) -> None:
    """Checks what a network gives for so many images.

    Raises:
        ValueError: It cannot be; the message is a clause.
    """
    for name, values in made.items():
        if len(values) != count:
            raise ValueError(f"{name} is of {len(values)} images, not {count}")
        low, high = 0.0, 1 + _ROUNDING
        if name == "boxes_xyxy_px":
            low, high = -_MOST_PX, _MOST_PX
        elif name == "classes":
            high = len(plan.classes) - 1
        elif name == "num_valid":
            high = made["scores"].shape[1]
        if values.size and not (values.min() >= low and values.max() <= high):  # NaN is neither
            raise ValueError(f"{name} has values that are not from {low:g} to {high:g}")
    if "scores" in made and not made["boxes_xyxy_px"].shape[1] == made["classes"].shape[1] == made["scores"].shape[1]:
        raise ValueError("boxes, scores and classes are of different numbers")
