import errno
import os

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.models import backbones
from tests.mammo.models import short_efficientnet

_COLOUR_MEAN, _COLOUR_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(autouse=True)
def single_precision():
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


def _build(name, weights="none", momentum=0.9):
    tf.keras.utils.set_random_seed(0)
    return backbones.build(name, weights, 64, 96, momentum)


@pytest.fixture(scope="module", params=["csp_darknet_nano", "efficientnet_b0"])
def model(request):
    return _build(request.param, momentum=0.77)


# What is built again and again is a B0 of few layers; `model` is one as it is.
short = pytest.fixture(short_efficientnet.in_place_of_b0)
with_short = pytest.mark.usefixtures("short")


def test_features_stand_at_strides_8_16_and_32(model):
    shapes = [tuple(feature.shape[1:3]) for feature in model(tf.zeros([1, 64, 96, 1]))]
    assert shapes == [(8, 12), (4, 6), (2, 3)]
    assert list(model.pyramid_level_inputs) == ["P3", "P4", "P5"]


@with_short
def test_grey_images_come_to_the_network_as_it_expects_colour_ones():
    model = _build("efficientnet_b0")
    grey = tf.random.stateless_uniform([1, 64, 96, 1], [1, 2])
    reference = short_efficientnet.make(include_top=False, weights=None, input_shape=(64, 96, 3))
    own = {weight.name: weight for weight in model.weights}
    for weight in reference.weights:
        if weight.name in own and "normalization" not in weight.name:
            weight.assign(own[weight.name])
    # Without weights the reference does not normalise: give it what it would have made of the colours.
    colours = (tf.repeat(grey, 3, -1) - 0.449) / 0.226 * 255
    expected = tf.keras.Model(reference.input, reference.get_layer("block7a_project_bn").output)(colours)
    np.testing.assert_allclose(model(grey)[2], expected, atol=2e-3)


def test_batch_normalisation_takes_the_momentum_and_nothing_draws_at_random(model):
    normalisations = [layer for layer in model.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    assert normalisations
    assert {layer.momentum for layer in normalisations} == {0.77}
    assert not any(isinstance(layer, tf.keras.layers.Dropout) for layer in model.submodules)


@with_short
def test_weights_come_from_a_file(tmp_path):
    source = short_efficientnet.make(include_top=False, weights=None, input_shape=(64, 96, 3))
    source.save_weights(tmp_path / "b0.h5")
    model = _build("efficientnet_b0", str(tmp_path / "b0.h5"))
    kernels = {weight.name: weight for weight in model.weights}
    np.testing.assert_array_equal(kernels["stem_conv/kernel:0"], source.get_layer("stem_conv").kernel)


def _store_network():
    """A network as `keras.applications` makes it from its own store: its file has deviations for variances."""
    network = short_efficientnet.make(include_top=False, weights=None, input_shape=(64, 96, 3))
    normalization = next(layer for layer in network.layers if isinstance(layer, tf.keras.layers.Normalization))
    normalization.set_weights([_COLOUR_MEAN, _COLOUR_STD, 0])
    return network


def _normalised(model, grey):
    """What the network's first layers make of an even grey image, [3]: red, green and blue."""
    (network,) = (layer for layer in model.layers if layer.name == "efficientnet_b0")
    normalise = tf.keras.Model(network.input, network.get_layer("stem_conv_pad").get_input_at(-1))
    return normalise(model.get_layer("grey_as_colour")(tf.fill([1, 64, 96, 1], grey)))[0, 0, 0]


def _of_kerass_imagenet(grey):
    """The arithmetic of keras.applications' EfficientNets with weights="imagenet", in float64."""
    rescaled = (grey * 255) / 255
    normalised = (rescaled - _COLOUR_MEAN) / np.sqrt(_COLOUR_STD)
    return normalised / np.sqrt(_COLOUR_STD)


@with_short
def test_a_file_of_kerass_store_normalises_as_weights_by_name_do(tmp_path):
    _store_network().save_weights(tmp_path / "b0.h5")
    model = _build("efficientnet_b0", str(tmp_path / "b0.h5"))
    np.testing.assert_allclose(_normalised(model, 0.6), _of_kerass_imagenet(0.6), rtol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_imagenet_weights_are_those_of_the_store_in_the_same_network_as_without(policy, monkeypatch, tmp_path):
    fetched = []

    def make(weights, **options):
        if weights == "imagenet":
            fetched.append(_store_network())
            return fetched[-1]
        return short_efficientnet.make(weights=weights, **options)

    monkeypatch.setitem(backbones._EFFICIENTNETS, "efficientnet_b0", make)
    tf.keras.mixed_precision.set_global_policy(policy)
    model = _build("efficientnet_b0", "imagenet")
    np.testing.assert_allclose(_normalised(model, 0.6), _of_kerass_imagenet(0.6), rtol=1e-5)
    kernels = {weight.name: weight for weight in model.weights}
    np.testing.assert_array_equal(kernels["stem_conv/kernel:0"], fetched[0].get_layer("stem_conv").kernel)

    # A checkpoint needs no more than the network without weights, its first layers included.
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    plain = _build("efficientnet_b0", "none")
    assert [type(layer) for layer in plain.submodules] == [type(layer) for layer in model.submodules]
    tf.train.Checkpoint(model=plain).read(path).assert_consumed()
    np.testing.assert_allclose(_normalised(plain, 0.6), _of_kerass_imagenet(0.6), rtol=1e-5)


@with_short
@pytest.mark.parametrize("name", ["csp_darknet_nano", "efficientnet_b0"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_variables_are_float32_in_every_precision(name, policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    model = _build(name)
    assert {weight.dtype for weight in model.weights} <= {tf.float32, tf.int64}
    assert model(tf.zeros([1, 64, 96, 1]))[0].dtype == tf.keras.mixed_precision.global_policy().compute_dtype


def test_imagenet_weights_of_a_network_that_has_none_are_refused():
    with pytest.raises(InputError, match=r"no ImageNet weights of csp_darknet_nano"):
        _build("csp_darknet_nano", "imagenet")


@with_short
def test_a_detectors_features_serve_a_classifier_and_the_other_way_round(tmp_path):
    def build(weights, levels):
        return backbones.build("efficientnet_b0", weights, 64, 64, 0.9, levels=levels)

    for own, other in ((backbones.PYRAMID, [backbones.TOP]), ([backbones.TOP], backbones.PYRAMID)):
        trained = build("none", own)
        trained.set_weights([weight + 1.0 for weight in trained.get_weights()])
        backbones.save(trained, tmp_path / "backbone.h5")
        made = build(str(tmp_path / "backbone.h5"), other)
        kernel = "block7a_project_conv/kernel:0"
        mine, theirs = (
            next(weight.numpy() for weight in model.weights if weight.name == kernel) for model in (trained, made)
        )
        np.testing.assert_array_equal(mine, theirs)
        assert [path.name for path in tmp_path.iterdir()] == ["backbone.h5"]


def test_on_a_full_disk_the_file_that_was_there_stays(tmp_path, monkeypatch):
    model = backbones.build("csp_darknet_nano", "none", 64, 64, 0.9)
    path = tmp_path / "backbone.h5"
    backbones.save(model, path)
    before, asked = path.read_bytes(), []

    def refuse(descriptor, offset, size_bytes):
        asked.append(size_bytes)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="No space left") as raised:
        backbones.save(model, path)
    assert raised.value.filename == str(path)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"backbone.h5": before}
    assert asked[0] >= len(before)  # room for all of it is asked for, before HDF5 writes


@with_short
def test_weights_of_another_network_are_refused_by_name(tmp_path):
    tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))]).save_weights(tmp_path / "other.h5")
    with pytest.raises(InputError, match=r"other\.h5: not weights of efficientnet_b0 without its top"):
        _build("efficientnet_b0", str(tmp_path / "other.h5"))


@with_short
def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"/nowhere\.h5: no such file of weights"):
        _build("efficientnet_b0", "/nowhere.h5")
