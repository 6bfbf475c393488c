import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from mammo.config.model import ClassifierNetwork
from mammo.models import backbones, classifier
from mammo.models.classifier import Dropout, Standardization
from tests.mammo.models import short_darknet

_csp_darknet = backbones._csp_darknet
_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

NETWORK = ClassifierNetwork("csp_darknet_nano", "modern", dropout=0.5, standardizes=False)


def _inputs(count=3, start=0, channels=1):
    images = np.random.default_rng(0).random((count, 64, 32, channels), np.float32)
    return {"image": tf.constant(images), "position": tf.range(start, start + count, dtype=tf.int64)}


@pytest.fixture(scope="module")
def model():
    return classifier.build(NETWORK, 3, (64, 32, 1))


def test_dropout_draws_from_the_position_of_an_image_alone(model):
    once, again, later = (model(_inputs(start=start), training=True) for start in (5, 5, 6))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - later).max() > 1e-3
    still = [model(_inputs(start=start), training=False) for start in (5, 6)]
    np.testing.assert_array_equal(*still)


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    layer = Dropout(0.2)
    dropped = layer(tf.ones([64, 500]), tf.range(64, dtype=tf.int64), training=True).numpy()
    assert (dropped == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    assert len({row.tobytes() for row in dropped}) == 64


def test_the_head_of_the_study_has_its_layers():
    made = classifier.build(dataclasses.replace(NETWORK, head="study", dropout=0.2), 2, (64, 96, 1))
    kinds = [type(layer).__name__ for layer in made.layers if "Input" not in type(layer).__name__]
    assert kinds[:3] == ["Functional", "MaxPooling2D", "Flatten"]
    assert kinds[4:] == ["BatchNormalization", "Dense", "Dropout", "Dense"]  # behind what joins several squares
    assert made.get_layer("hidden").units == 10
    assert made.get_layer("hidden").activation is tf.keras.activations.relu


def test_a_linear_head_is_a_linear_map_of_features_about_their_mean():
    made = classifier.build(dataclasses.replace(NETWORK, head="linear"), 2, (64, 32, 3))
    inputs = _inputs(channels=3)
    features = classifier.features_of(made)(inputs).numpy()
    random = np.random.default_rng(1)
    mean, spread = random.normal(size=features.shape[1]), random.uniform(0.5, 2, features.shape[1])
    kernel, bias = random.normal(size=(features.shape[1], 2)), random.normal(size=2)
    classifier.set_linear_head(made, mean, spread, kernel, bias)
    np.testing.assert_allclose(made(inputs), (features - mean) / spread @ kernel + bias, rtol=1e-4, atol=1e-4)
    assert {weight.name for weight in classifier.learnt(made, 0)} == {"logits/kernel:0", "logits/bias:0"}


@pytest.mark.parametrize("head", ["study", "modern", "linear"])
@pytest.mark.parametrize("standardizes", [False, True])
def test_each_channel_goes_through_one_backbone_and_gives_its_own_features(head, standardizes):
    network = dataclasses.replace(NETWORK, head=head, standardizes=standardizes)
    several, single = (classifier.build(network, 2, (64, 64, channels)) for channels in (3, 1))
    backbone = several.get_layer("backbone")
    single.get_layer("backbone").set_weights(backbone.get_weights())
    images = tf.random.stateless_uniform([2, 64, 64, 3], [1, 2])
    features, *alone = (
        classifier.features_of(model)({"image": seen, "position": tf.range(2, dtype=tf.int64)}).numpy()
        for model, seen in [(several, images), *((single, images[..., channel, None]) for channel in range(3))]
    )
    np.testing.assert_allclose(features, np.concatenate(alone, axis=-1), atol=1e-5)
    assert all(np.abs(one - other).max() > 1e-3 for one, other in itertools.pairwise(alone))
    of_backbone = [weight.shape for weight in single.get_layer("backbone").weights]
    assert [weight.shape for weight in backbone.weights] == of_backbone
    kernels = [
        next(weight for weight in model.weights[len(of_backbone) :] if weight.shape.rank == 2)
        for model in (several, single)
    ]
    assert kernels[0].shape[0] == 3 * kernels[1].shape[0]


def test_fine_grey_levels_of_several_squares_are_not_rounded_to_half_precision():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        made = classifier.build(dataclasses.replace(NETWORK, standardizes=True), 2, (64, 32, 2))
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    inputs = _inputs(channels=2)
    inputs["image"] = 0.75 + inputs["image"] / 256  # between two neighbours among bfloat16's numbers
    seen = tf.keras.Model(made.input, made.get_layer("standardization").output)(inputs)
    np.testing.assert_allclose(seen[::2], Standardization()(inputs["image"][..., :1]), atol=1e-4)


def test_channels_in_another_order_give_their_features_in_that_order():
    made = classifier.features_of(classifier.build(dataclasses.replace(NETWORK, head="linear"), 2, (64, 32, 3)))
    inputs, order = _inputs(channels=3), [2, 0, 1]
    features, permuted = (
        made({**inputs, "image": image}).numpy().reshape(3, 3, -1)
        for image in (inputs["image"], tf.gather(inputs["image"], order, axis=-1))
    )
    np.testing.assert_allclose(permuted, features[:, order], atol=1e-5)


@pytest.fixture(scope="module")
def efficientnet():
    return classifier.build(dataclasses.replace(NETWORK, backbone="efficientnet_b0"), 2, (64, 32, 1))


def test_an_efficientnet_gives_all_its_features_and_those_of_small_lesions(efficientnet):
    seen = [efficientnet.get_layer(f"mean_{level}").input.shape[1:] for level in ("P3", "P4", "TOP")]
    assert seen == [(8, 4, 40), (4, 2, 112), (2, 1, 1280)]
    assert efficientnet.get_layer("joined").output.shape[-1] == 2 * (40 + 112 + 1280)


def test_frozen_layers_are_not_learnt_and_the_last_ones_are_unlocked(efficientnet):
    made = efficientnet
    for layer in made.get_layer("backbone").submodules:  # as where statistics are kept
        layer.trainable &= not isinstance(layer, tf.keras.layers.BatchNormalization)
    of_backbone = {id(weight) for weight in made.get_layer("backbone").trainable_weights}
    frozen, last, everything = (classifier.learnt(made, layers) for layers in (0, 3, -1))
    assert not any(id(weight) in of_backbone for weight in frozen)
    assert {weight.name.partition("/")[0] for weight in frozen} == {"normalization", "logits"}
    unlocked = [weight.name.partition("/")[0] for weight in last if id(weight) in of_backbone]
    assert list(dict.fromkeys(unlocked)) == ["block7a_se_expand", "block7a_project_conv", "top_conv"]
    assert len(everything) == len(made.trainable_variables)
    assert len(classifier.learnt(made, 10_000)) == len(everything)  # more layers than there are


@pytest.mark.parametrize(
    ("backbone", "blocks"),
    [
        ("csp_darknet_nano", ["stem", "dark2", "dark3", "dark4", "dark5"]),
        ("efficientnet_lite0", ["stem", *(f"block{number}" for number in range(1, 8)), "top"]),
    ],
)
def test_the_earlier_a_block_the_less_of_the_rate_it_takes(backbone, blocks, monkeypatch):
    monkeypatch.setattr(backbones, "_csp_darknet", _csp_darknet)
    made = classifier.build(dataclasses.replace(NETWORK, backbone=backbone), 2, (64, 32, 1))
    layers = made.get_layer("backbone").get_layer(backbone).layers
    block_of = {
        id(weight): block
        for layer in layers
        for block in blocks
        if layer.name.startswith(block)
        for weight in layer.trainable_weights
    }
    shares = zip(made.trainable_variables, classifier.rate_shares(made, 0.5), strict=True)
    found = {(block_of.get(id(weight), "head"), share) for weight, share in shares}
    assert found == {(block, 0.5**behind) for behind, block in enumerate(reversed(blocks))} | {("head", 1.0)}
    assert set(classifier.rate_shares(made, 1.0)) == {1.0}


def test_standardized_images_are_alike_whatever_their_brightness():
    made = classifier.build(dataclasses.replace(NETWORK, standardizes=True), 2, (64, 32, 1))
    inputs = _inputs()
    darker = {**inputs, "image": 0.4 * inputs["image"] + 0.1}
    # Nearly: the least spread counts for more where there is less of it.
    np.testing.assert_allclose(made(inputs), made(darker), rtol=0.1, atol=0.02)
    plain = classifier.build(NETWORK, 2, (64, 32, 1))
    assert not np.allclose(plain(inputs), plain(darker), rtol=0.1, atol=0.02)
    layer = Standardization()
    np.testing.assert_allclose(tf.reduce_mean(layer(inputs["image"])), backbones.GREY_MEAN, atol=1e-4)
    assert np.isfinite(layer(tf.zeros([1, 8, 8, 1]))).all()
    half = tf.concat([inputs["image"], tf.zeros_like(inputs["image"])], axis=1)
    np.testing.assert_allclose(layer(half)[:, :64], layer(inputs["image"]), atol=1e-5)  # black counts for nothing
