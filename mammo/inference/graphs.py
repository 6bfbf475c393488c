"""The graph of a network as it is stored: a GraphDef without functions, checked before TensorFlow sees it.

It comes from outside, and a graph is a program. So no loader of TensorFlow's runs (no SavedModel, no variables, no
initialisers), each operation must be on a list, and what it makes must be of a size that a network has.
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import graph_pb2, node_def_pb2, types_pb2

from mammo.common import errors
from mammo.inference.allowed_operations import ALLOWED_OPERATIONS
from mammo.inference.sealing import MOST_GRAPH_BYTES

INPUT_NAME = "image"

_MOST_NODES = 50_000
_MOST_VALUES = 1 << 28  # of one tensor, for one image
_MOST_SIDES = 8
_CONSTANT, _PLACEHOLDER = "Const", "Placeholder"
_DTYPES = frozenset({types_pb2.DT_INVALID, types_pb2.DT_FLOAT, types_pb2.DT_INT32, types_pb2.DT_BOOL})
_HALVED_DTYPES = _DTYPES | {types_pb2.DT_HALF}  # of constants as they are stored
_KERNEL_OPERATIONS = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul"})
_ATTRIBUTES = frozenset({"s", "i", "f", "b", "type", "shape", "tensor", "list"})  # no function, no placeholder


def output_node(name: str) -> str:
    """Returns the name of the node that gives an output; no layer is named so."""
    return f"output.{name}"


def parse(content: bytes) -> graph_pb2.GraphDef:
    """Parses a stored graph, checks all that can be told without TensorFlow, and widens what `halve` has made small.

    Raises:
        ValueError: It is none, or has what no export has; the message is a clause.
    """
    if len(content) > MOST_GRAPH_BYTES:
        raise ValueError(f"it is larger than {MOST_GRAPH_BYTES >> 20} MiB")
    graph = graph_pb2.GraphDef()
    try:
        graph.ParseFromString(content)
    except DecodeError:
        raise ValueError("it is no graph") from None
    if graph.library.function or graph.library.gradient or graph.library.registered_gradients:
        raise ValueError("it has functions")
    if len(graph.node) > _MOST_NODES:
        raise ValueError(f"it has more than {_MOST_NODES:,} operations")
    for node in graph.node:
        _check(node)
    if sum(_declared_bytes(node) for node in graph.node if node.op == _CONSTANT) > MOST_GRAPH_BYTES:
        raise ValueError(f"it has constants of more than {MOST_GRAPH_BYTES >> 20} MiB")
    if [node.name for node in graph.node if node.op == _PLACEHOLDER] != [INPUT_NAME]:
        raise ValueError(f"it has another input than {INPUT_NAME!r}")
    for node in graph.node:
        if node.op == _CONSTANT and node.attr["dtype"].type == types_pb2.DT_HALF:
            _set_constant(node, np.float32)
    return graph


def halve(graph: graph_pb2.GraphDef) -> None:
    """Stores the kernels of convolutions and matrix products as float16, in place; `parse` widens them to float32.

    Other constants, such as the boxes of anchors, statistics of batch normalisation and biases, stay as they are.
    """
    by_name = {node.name: node for node in graph.node}
    for user in graph.node:
        if user.op in _KERNEL_OPERATIONS:
            kernel = by_name[user.input[1]]
            while kernel.op == "Identity":
                kernel = by_name[kernel.input[0]]
            if kernel.op == _CONSTANT:
                _set_constant(kernel, np.float16)


def _set_constant(node: node_def_pb2.NodeDef, dtype: type[np.floating]) -> None:
    """Gives a constant another type."""
    tensor = tf.make_tensor_proto(tf.make_ndarray(node.attr["value"].tensor).astype(dtype))
    node.attr["value"].tensor.CopyFrom(tensor)
    node.attr["dtype"].type = tensor.dtype


def build(
    graph: graph_pb2.GraphDef, input_shape: Sequence[int | None], outputs: Sequence[str]
) -> tf.types.experimental.ConcreteFunction:
    """Builds a function of a graph that was parsed.

    Args:
        graph: Which.
        input_shape: Of its one input, float32.
        outputs: Their names, see `output_node`.

    Returns:
        It takes the input by position, and gives a mapping by these names.

    Raises:
        ValueError: It is no such graph; the message is a clause.
    """

    def add_all(image: tf.Tensor) -> dict[str, tf.Tensor]:
        nodes = [f"{output_node(name)}:0" for name in outputs]
        given = tf.graph_util.import_graph_def(graph, {INPUT_NAME: image}, nodes, name="")
        for operation in image.graph.get_operations():
            _check_sizes(operation)
        return dict(zip(outputs, given, strict=True))

    try:
        return tf.compat.v1.wrap_function(add_all, [tf.TensorSpec(input_shape, tf.float32)])
    except (TypeError, ValueError, tf.errors.OpError) as error:  # of an attribute, an input or a shape that cannot be
        raise ValueError(errors.in_line(error)) from None


def _check(node: node_def_pb2.NodeDef) -> None:
    if node.op not in ALLOWED_OPERATIONS:
        raise ValueError(f"it has the operation {node.op!r}, which no network of this project has")
    if node.device:
        raise ValueError(f"{node.name!r} names a device")
    for name, value in node.attr.items():
        is_plain = value.WhichOneof("value") in _ATTRIBUTES and not value.list.func and not value.list.tensor
        if name.startswith("_") or not is_plain:
            raise ValueError(f"{node.name!r} has the attribute {name!r}, which no network of this project has")
        dtypes = _HALVED_DTYPES if node.op == _CONSTANT else _DTYPES
        if not {value.type, *value.list.type, value.tensor.dtype} <= dtypes:
            raise ValueError(f"{node.name!r} is of a type that no network of this project has")


def _declared_bytes(node: node_def_pb2.NodeDef) -> int:
    """Size of a constant as its shape says, of four bytes a value: a single stored value may stand for many.

    Raises:
        ValueError: It cannot be, or would be the shape of a tensor that no network has.
    """
    sizes = [dimension.size for dimension in node.attr["value"].tensor.tensor_shape.dim]
    if min(sizes, default=0) < 0:
        raise ValueError(f"{node.name!r} has a side below 0")
    if not node.attr["dtype"].type == node.attr["value"].tensor.dtype != types_pb2.DT_INVALID:
        raise ValueError(f"{node.name!r} is of two types, or of none")
    if node.attr["dtype"].type == types_pb2.DT_INT32 and math.prod(sizes) <= _MOST_SIDES:
        # What may be sides of a tensor: TensorFlow computes some of these as soon as it adds them.
        values = np.ravel(tf.make_ndarray(node.attr["value"].tensor)).tolist()
        if math.prod(max(value, 1) for value in values) > _MOST_VALUES:
            raise ValueError(f"{node.name!r} asks for more than {_MOST_VALUES:,} values")
    return 4 * math.prod(sizes)


def _check_sizes(operation: tf.Operation) -> None:
    for tensor in operation.outputs:
        sizes = tensor.shape.as_list() if tensor.shape.rank is not None else []
        if math.prod(size or 1 for size in sizes) > _MOST_VALUES:
            raise ValueError(f"{operation.name!r} makes more than {_MOST_VALUES:,} values an image")
