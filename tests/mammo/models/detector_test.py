import numpy as np
import pytest
import tensorflow as tf

from mammo.config.model import DetectorNetwork
from mammo.models import anchor_boxes, detector
from mammo.models.anchor_grid import Anchors
from tests.mammo.models import short_darknet

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_OPTIONS = DetectorNetwork("csp_darknet_nano", pyramid_channels=8, head_depth=1)


def _build(levels, class_count=2, options=_OPTIONS):
    tf.keras.utils.set_random_seed(0)
    anchors = Anchors(levels, tuple(2.0**level for level in levels), (1.0,))
    return detector.build(options, anchors, class_count, 64, 96), anchors


@pytest.fixture(autouse=True)
def float32_again():
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("levels", [(3,), (3, 4), (3, 4, 5), (3, 4, 5, 6, 7)])
def test_a_pyramid_of_any_height_answers_for_each_anchor(levels):
    model, anchors = _build(levels)
    outputs = model(tf.zeros([2, 64, 96, 1]))
    count = anchor_boxes.all_boxes(anchors, 64, 96).shape[0]
    assert outputs["box"].shape == (2, count, 4)
    assert outputs["classification"].shape == (2, count, 2)


def test_at_first_every_anchor_is_background_with_the_prior_of_the_paper():
    model, _ = _build((3, 4), class_count=1)
    probabilities = tf.sigmoid(model(tf.random.stateless_uniform([1, 64, 96, 1], [1, 2]))["classification"])
    np.testing.assert_allclose(probabilities, 0.01, rtol=0.5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_in_lower_precision_the_answers_are_float32_and_not_rounded_on_the_way(policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    model, _ = _build((3, 4))
    outputs = model(tf.random.stateless_uniform([1, 64, 96, 1], [1, 2]))
    assert {value.dtype for value in outputs.values()} == {tf.float32}
    assert {weight.dtype for weight in model.trainable_variables} == {tf.float32}


def test_doubling_repeats_each_pixel_and_xla_compiles_its_gradient():
    feature = tf.reshape(tf.range(4.0), [1, 2, 2, 1])

    @tf.function(jit_compile=True)
    def gradient(value):
        with tf.GradientTape() as tape:
            tape.watch(value)
            doubled = detector._double(value)
        return doubled, tape.gradient(doubled, value)

    doubled, slope = gradient(feature)
    assert doubled[0, :, :, 0].numpy().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert (slope.numpy() == 4).all()
