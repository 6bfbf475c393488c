"""Counts the operations that a function launches one by one: an accelerator waits between them.

What XLA compiles is one launch, however much is in it.
"""

from collections.abc import Iterable, Mapping

import tensorflow as tf
from tensorflow.core.framework import function_pb2, graph_pb2, node_def_pb2

_COMPILED = "_XlaMustCompile"
_FREE = frozenset({
    "Placeholder", "PlaceholderWithDefault", "Const", "Identity", "IdentityN", "NoOp", "StopGradient", "Shape",
    "ReadVariableOp", "_Arg", "_Retval",
})  # fmt: skip
"""Kinds of operation that launch nothing: TensorFlow folds them, or passes a reference on."""


def count_outside(function: tf.types.experimental.ConcreteFunction) -> int:
    """Counts the operations of one call of a function that are outside of compiled functions.

    The body of a loop counts once, as for one step; so does each branch of a condition. It counts the graph as it was
    traced: TensorFlow merges some of it, so that fewer are launched.

    Args:
        function: As `tf.function.get_concrete_function` gives it.
    """
    graph: graph_pb2.GraphDef = function.graph.as_graph_def()
    return _count(graph.node, {one.signature.name: one for one in graph.library.function})


def _count(nodes: Iterable[node_def_pb2.NodeDef], functions: Mapping[str, function_pb2.FunctionDef]) -> int:
    return sum(0 if node.op in _FREE else _cost(node, functions) for node in nodes)


def _cost(node: node_def_pb2.NodeDef, functions: Mapping[str, function_pb2.FunctionDef]) -> int:
    called = [functions[name] for name in _called(node)]
    if not called or any(_is_compiled(one) for one in called) or _is_compiled(node):
        return 1
    return sum(_count(one.node_def, functions) for one in called)


def _called(node: node_def_pb2.NodeDef) -> list[str]:
    names = [value.func.name for value in node.attr.values() if value.HasField("func")]
    return names + [one.name for value in node.attr.values() for one in value.list.func]


def _is_compiled(one: node_def_pb2.NodeDef | function_pb2.FunctionDef) -> bool:
    return one.attr[_COMPILED].b if _COMPILED in one.attr else False
