"""Compiles the graph of a network for batches of one size.

XLA has no non-maximum suppression, so that a detector's graph is cut before it: what makes boxes and scores is
compiled, the rest runs as it is. Half precision is written into the graph, since TensorFlow's own rewriting does not
reach what is compiled.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging
from tensorflow.core.framework import graph_pb2, types_pb2

from mammo.inference import graphs
from mammo.inference.graphs import INPUT_NAME

Run = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
"""Takes images, float32 [B, H, W, C], and gives tensors [B, ...] by name."""

_NOT_COMPILED = "CombinedNonMaxSuppression"
_HALVED = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul"})
_NO_XLA = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)  # of an operation that it does not have


def compiled(
    graph: graph_pb2.GraphDef, input_shape: Sequence[int | None], outputs: Sequence[str], *, is_halved: bool
) -> Run:
    """Makes what runs a graph compiled; each number of images is compiled when it first comes.

    Args:
        graph: That was parsed and can be built, see `graphs`.
        input_shape: Of its one input, float32.
        outputs: Their names.
        is_halved: Whether convolutions and matrix products are in bfloat16.
    """
    graph = _in_bfloat16(graph) if is_halved else graph
    wanted = [f"{graphs.output_node(name)}:0" for name in outputs]
    given = [_tensor(name) for node in graph.node if node.op == _NOT_COMPILED for name in node.input[:2]]
    cuts = list(dict.fromkeys(given)) or wanted
    image_tensor = _tensor(INPUT_NAME)  # whose placeholder XLA does not have either
    before = _reaching(graph, cuts, [image_tensor])
    after = _reaching(graph, wanted, [*cuts, image_tensor])
    takes_image = any(_tensor(name) == image_tensor for node in after.node for name in node.input)

    @tf.function(jit_compile=True, autograph=False, input_signature=[tf.TensorSpec(input_shape, tf.float32)])
    def run_before(image: tf.Tensor) -> list[tf.Tensor]:
        return tf.graph_util.import_graph_def(before, {image_tensor: image}, cuts, name="before")

    @tf.function(reduce_retracing=True, autograph=False)
    def run_after(image: tf.Tensor, *values: tf.Tensor) -> list[tf.Tensor]:
        known = dict(zip(cuts, values, strict=True)) | ({image_tensor: image} if takes_image else {})
        return tf.graph_util.import_graph_def(after, known, wanted, name="after")

    def run(image: tf.Tensor) -> Mapping[str, tf.Tensor]:
        made = run_before(image)
        return dict(zip(outputs, made if cuts == wanted else run_after(image, *made), strict=True))

    return run


class Batches:
    """Runs any number of images in batches of one size, the last one padded."""

    def __init__(self, run: Run, plain: Run, batch_images: int) -> None:
        """Keeps what runs.

        Args:
            run: Compiled.
            plain: The same network, as it is, in case that it cannot be compiled.
            batch_images: Of a batch, at first: it is halved whenever the device has no memory for it.
        """
        self._run, self._plain, self.batch_images = run, plain, batch_images

    def __call__(self, images: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns what the network gives for images, float32 [N, H, W, C], N at least 1: arrays [N, ...] by name."""
        made: list[Mapping[str, np.ndarray]] = []
        first = 0
        while first < len(images):
            part = images[first : first + self.batch_images]
            padding = [(0, self.batch_images - len(part)), (0, 0), (0, 0), (0, 0)]
            try:
                values = self._run(tf.constant(np.pad(part, padding)))
                made.append({name: value.numpy()[: len(part)] for name, value in values.items()})
            except tf.errors.ResourceExhaustedError:
                if self.batch_images == 1:
                    raise
                self.batch_images //= 2
                continue
            except _NO_XLA as error:
                if self._run is self._plain:
                    raise
                logging.warning("A network cannot be compiled and runs as it is: %s", error.message.partition("\n")[0])
                self._run = self._plain
                continue
            first += len(part)
        return {name: np.concatenate([values[name] for values in made]) for name in made[0]}


def _in_bfloat16(graph: graph_pb2.GraphDef) -> graph_pb2.GraphDef:
    """Returns a graph whose `_HALVED` take and give float32 and compute in bfloat16; XLA joins the casts between."""
    made = graph_pb2.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.op not in _HALVED or node.attr["T"].type != types_pb2.DT_FLOAT:
            made.node.add().CopyFrom(node)
            continue
        half = made.node.add()
        half.CopyFrom(node)
        half.name = f"{node.name}/bfloat16"
        half.attr["T"].type = types_pb2.DT_BFLOAT16
        for index, given in enumerate(node.input):
            half.input[index] = f"{half.name}/{index}"
            _add_cast(made, half.input[index], given, types_pb2.DT_FLOAT, types_pb2.DT_BFLOAT16)
        _add_cast(made, node.name, half.name, types_pb2.DT_BFLOAT16, types_pb2.DT_FLOAT)
    return made


def _add_cast(graph: graph_pb2.GraphDef, name: str, given: str, source: int, target: int) -> None:
    cast = graph.node.add(name=name, op="Cast", input=[given])
    cast.attr["SrcT"].type, cast.attr["DstT"].type = source, target


def _reaching(graph: graph_pb2.GraphDef, tensors: Sequence[str], stops: Sequence[str]) -> graph_pb2.GraphDef:
    """Returns the part of a graph that tensors hang on, without what makes `stops`."""
    by_name = {node.name: node for node in graph.node}
    needed, waiting = set[str](), [name for name in tensors if name not in stops]
    while waiting:
        name = waiting.pop().partition(":")[0]
        if name not in needed:
            needed.add(name)
            waiting.extend(given for given in by_name[name].input if _tensor(given) not in stops)
    made = graph_pb2.GraphDef(versions=graph.versions)
    made.node.extend(node for node in graph.node if node.name in needed)
    return made


def _tensor(given: str) -> str:
    return given if ":" in given else f"{given}:0"
