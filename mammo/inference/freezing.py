"""Writes a network as a plain graph whose weights are constants, see `mammo.inference.graphs`.

Such a graph loads in a tenth of a second, where one of Keras's layers and variables takes many, and TensorFlow folds
batch normalisation into the convolutions before it.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.python.framework import convert_to_constants

from mammo.common import files
from mammo.inference import graphs, networks
from mammo.inference.graphs import INPUT_NAME
from mammo.inference.sealing import GRAPH_FILE
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage

Stage = DetectorStage | ClassifierStage


def save(stage: Stage, network: tf.keras.Model, folder: pathlib.Path, *, halved: bool = False) -> None:
    """Writes what a stage predicts with a network, for batches of any number.

    Args:
        stage: Of which `predict` is written.
        network: With its weights, in float32.
        folder: Of the network in a bundle.
        halved: See `write`.
    """
    names = networks.output_names(stage.plan)

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(names, tf.nest.flatten(stage.predict(network, images)), strict=True))

    write(predict, stage.plan.image_shape, folder, halved=halved)


def write(
    predict: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    image_shape: Sequence[int],
    folder: pathlib.Path,
    *,
    halved: bool = False,
) -> None:
    """Writes what a function gives for images, float32 [B, H, W, C] in [0, 1], of any B.

    Args:
        predict: The function.
        image_shape: H, W and C.
        folder: Of the network in a bundle.
        halved: Whether kernels are stored as float16, in half the bytes; they are float32 again once they are read.

    Raises:
        ValueError: The graph has what no bundle may have, see `mammo.inference.allowed_operations`.
    """
    graph = freeze(predict, image_shape)
    if halved:
        graphs.halve(graph)
    content = graph.SerializeToString(deterministic=True)
    graphs.parse(content)
    folder.mkdir(parents=True, exist_ok=True)
    with files.replacing(folder / GRAPH_FILE) as partial:
        partial.write_bytes(content)


def freeze(predict: Callable[[tf.Tensor], Mapping[str, tf.Tensor]], image_shape: Sequence[int]) -> graph_pb2.GraphDef:
    """Returns the graph of such a function, without what only differentiates it."""
    image = tf.TensorSpec([None, *image_shape], tf.float32, name=INPUT_NAME)
    traced = tf.function(predict, autograph=False).get_concrete_function(image)
    frozen = convert_to_constants.convert_variables_to_constants_v2(traced)
    graph = frozen.graph.as_graph_def()
    names = sorted(traced.structured_outputs)  # in the order in which TensorFlow flattens a mapping
    for name, tensor in zip(names, frozen.outputs, strict=True):
        node = graph.node.add(name=graphs.output_node(name), op="Identity", input=[tensor.name.removesuffix(":0")])
        node.attr["T"].type = tensor.dtype.as_datatype_enum
    for node in graph.node:  # how it is differentiated, run, ordered and placed: no value hangs on it
        node.device = ""
        for attribute in [attribute for attribute in node.attr if attribute.startswith("_")]:
            del node.attr[attribute]
        node.input[:] = [name for name in node.input if not name.startswith("^")]
    return _pruned(graph, [graphs.output_node(name) for name in names])


def _pruned(graph: graph_pb2.GraphDef, outputs: Sequence[str]) -> graph_pb2.GraphDef:
    """Returns the nodes that outputs hang on, in their order."""
    by_name = {node.name: node for node in graph.node}
    needed, waiting = set[str](), [INPUT_NAME, *outputs]
    while waiting:
        name = waiting.pop().partition(":")[0]
        if name not in needed:
            needed.add(name)
            waiting.extend(by_name[name].input)
    made = graph_pb2.GraphDef(versions=graph.versions)
    made.node.extend(node for node in graph.node if node.name in needed)
    return made
