"""Graphs from outside: what they have that no export has is refused, and nothing of it runs."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

from mammo.common.errors import InputError
from mammo.inference import bundles, freezing, graphs, networks, sealing
from tests.mammo.inference import bright_disc

GRAPH_NAME = "networks/finder/graph.pb"


@pytest.fixture(scope="module")
def sound():
    return freezing.freeze(bright_disc.find, (bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX, 1))


def _altered(sound, change):
    graph = graph_pb2.GraphDef()
    graph.CopyFrom(sound)
    change(graph)
    return graph.SerializeToString()


def _constant(graph, name, value):
    node = graph.node.add(name=name, op="Const")
    tensor = tf.make_tensor_proto(value)
    node.attr["dtype"].type = tensor.dtype
    node.attr["value"].tensor.CopyFrom(tensor)


def _write_file(graph):
    _constant(graph, "path", "/nowhere")
    graph.node.add(name="writer", op="WriteFile", input=["path", "path"])


def _call_python(graph):
    graph.node.add(name="python", op="PyFunc")


def _text(graph):
    _constant(graph, "path", "/nowhere")


def _function(graph):
    graph.library.function.add().signature.name = "f"


def _function_attribute(graph):
    graph.node[-1].attr["f"].func.name = "f"


def _hidden_attribute(graph):
    graph.node[-1].attr["_XlaMustCompile"].b = True


def _device(graph):
    graph.node[-1].device = "/job:elsewhere"


def _second_input(graph):
    graph.node.add(name="other", op="Placeholder").attr["dtype"].type = 1


def _huge_constant(graph):
    _constant(graph, "huge", np.float32(0))
    for size in (1 << 20, 1 << 20):
        graph.node[-1].attr["value"].tensor.tensor_shape.dim.add(size=size)


def _fill(graph, sizes=(1 << 20, 1 << 20)):
    _constant(graph, "sizes", np.array(sizes, np.int32))
    _constant(graph, "value", np.float32(0))
    node = graph.node.add(name="huge", op="Fill", input=["sizes", "value"])
    node.attr["T"].type, node.attr["index_type"].type = 1, 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_write_file, "is of a type|operation 'WriteFile', which no network of this project has"),
        (_call_python, "the operation 'PyFunc', which no network of this project has"),
        (_text, "'path' is of a type that no network"),
        (_function, "it has functions"),
        (_function_attribute, "has the attribute 'f'"),
        (_hidden_attribute, "has the attribute '_XlaMustCompile'"),
        (_device, "names a device"),
        (_second_input, "has another input than 'image'"),
        (_huge_constant, "constants of more than 512 MiB"),
        (_fill, "'sizes' asks for more than 268,435,456 values"),
    ],
)
def test_what_no_export_has_is_refused_before_anything_is_built(sound, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        graphs.parse(_altered(sound, change))


@pytest.mark.parametrize("content", [b"\xff" * 9, b"[]", b"\x0a\xff\xff\xff\xff\x7f"])
def test_what_is_no_graph_is_refused(content):
    with pytest.raises(ValueError, match="it is no graph"):
        graphs.parse(content)


def _outer_product(graph):
    """Two tensors of a size that may be, of which one is made that may not."""
    _fill(graph, (1 << 16, 1))
    for name, permuted in (("row", [1, 1 << 16]), ("column", [1 << 16, 1])):
        _constant(graph, f"{name}_sizes", np.array(permuted, np.int32))
        node = graph.node.add(name=name, op="Reshape", input=["huge", f"{name}_sizes"])
        node.attr["T"].type, node.attr["Tshape"].type = 1, 3
    graph.node.add(name="product", op="Mul", input=["row", "column"]).attr["T"].type = 1


def _cycle(graph):
    graph.node.add(name="again", op="Identity", input=["again"]).attr["T"].type = 1


def _no_output(graph):
    graph.node.remove(next(node for node in graph.node if node.name == "output.scores"))


def _twice(graph):
    graph.node.add().CopyFrom(graph.node[1])


def _wrong_type(graph):
    graph.node.add(name="wrong", op="Identity", input=["image"]).attr["T"].type = 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_outer_product, "'product' makes more than 268,435,456 values an image"),
        (_cycle, "."),
        (_no_output, "output.scores"),
        (_twice, "."),
        (_wrong_type, "wrong"),
    ],
)
def test_a_graph_that_cannot_be_built_is_refused_in_a_clause(sound, change, sentence):
    graph = graphs.parse(_altered(sound, change))
    names = networks.output_names(bright_disc.make_facts().networks["finder"])
    with pytest.raises(ValueError, match=sentence) as refused:
        graphs.build(graph, [None, bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX, 1], names)
    assert str(refused.value).isprintable()


def test_a_bundle_with_such_a_graph_is_refused_and_nothing_ran(sound, tmp_path):
    bright_disc.write(tmp_path / "bundle")

    def write_file(graph):
        _constant(graph, "path", str(tmp_path / "written"))
        graph.node.add(name="writer", op="WriteFile", input=["path", "path"])
        next(node for node in graph.node if node.name == "output.scores").input.append("^writer")

    (tmp_path / "bundle" / GRAPH_NAME).write_bytes(_altered(sound, write_file))
    sealing.seal(tmp_path / "bundle")  # with checksums that fit
    opened = bundles.open_bundle(tmp_path / "bundle")
    with pytest.raises(InputError, match=r"finder/graph\.pb cannot be used: .*no network of this project has; use a"):
        networks.load(opened, "finder")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"scores": lambda made: made["scores"] * float("nan")}, "scores has values that are not from 0 to 1"),
        ({"classes": lambda made: made["classes"] + 7}, "classes has values that are not from 0 to 0"),
        ({"num_valid": lambda made: made["num_valid"] + 7}, "num_valid has values that are not from 0 to 1"),
        ({"boxes_xyxy_px": lambda made: made["boxes_xyxy_px"] * 1e30}, "boxes_xyxy_px has values that are not"),
        ({"scores": lambda made: tf.concat([made["scores"]] * 2, 0)}, "scores is of 4 images, not 2"),
        ({"scores": lambda made: tf.concat([made["scores"]] * 2, 1)}, "of different numbers"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(tmp_path, change, sentence):
    def find(image):
        made = bright_disc.find(image)
        return made | {name: alter(made) for name, alter in change.items()}

    predict = networks.load(bright_disc.write(tmp_path / "bundle", find), "finder")
    with pytest.raises(InputError, match=rf"finder/graph\.pb gives no answer: .*{sentence}"):
        predict(np.zeros((2, bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX, 1), np.float32))


def _half_a_value(graph):
    _constant(graph, "half", np.float16(1))
    graph.node.add(name="more", op="Identity", input=["half"]).attr["T"].type = 19


def test_only_constants_may_be_stored_in_half_the_bytes(sound):
    with pytest.raises(ValueError, match="'more' is of a type that no network"):
        graphs.parse(_altered(sound, _half_a_value))


def test_kernels_in_half_the_bytes_give_nearly_the_same_and_nothing_else_is_rounded():
    tf.keras.utils.set_random_seed(0)
    network = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(32, 3, 2, input_shape=(32, 32, 1)),
            tf.keras.layers.DepthwiseConv2D(3),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(3, activation="softmax"),
        ]
    )
    offsets = tf.constant(np.linspace(0, 0.01, 3, dtype=np.float32) + 1000.1)  # not what float16 holds
    graph = freezing.freeze(
        lambda image: {"scores": network(image), "places": network(image) * 0 + offsets}, (32, 32, 1)
    )
    whole = graph.SerializeToString()
    graphs.halve(graph)
    halved = graph.SerializeToString()
    assert len(halved) < 0.6 * len(whole)
    images = tf.random.stateless_uniform([4, 32, 32, 1], [1, 2])
    expected, made = (
        graphs.build(graphs.parse(content), [None, 32, 32, 1], ["places", "scores"])(images)
        for content in (whole, halved)
    )
    np.testing.assert_array_equal(made["places"], expected["places"])
    np.testing.assert_allclose(made["scores"], expected["scores"], atol=0.002)
    assert (made["scores"].numpy() != expected["scores"].numpy()).any()


def test_outputs_of_another_type_are_refused_when_the_network_is_loaded(tmp_path):
    def find(image):
        made = bright_disc.find(image)
        return made | {"classes": tf.cast(made["classes"], tf.float32)}

    with pytest.raises(InputError, match=r"cannot be used: classes is float32 \(None, 1\), not int32"):
        networks.load(bright_disc.write(tmp_path / "bundle", find), "finder")
