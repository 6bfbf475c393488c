"""The networks and the weights that come with the environment."""

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.models import efficientnet_lite, torch_weights

_SIDE_PX = 64


def _loaded(name):
    network = efficientnet_lite.build(name, _SIDE_PX, _SIDE_PX)
    efficientnet_lite.load_imagenet(network)
    return network


@pytest.fixture(scope="module")
def lite0():
    return _loaded("efficientnet_lite0")


def _picture():
    """A disc and a bar on a slope of grey, float32 [1, 64, 64, 1] in [0, 1]."""
    rows, columns = np.mgrid[:_SIDE_PX, :_SIDE_PX] / _SIDE_PX
    picture = 0.3 + 0.2 * rows
    picture[(rows - 0.4) ** 2 + (columns - 0.6) ** 2 < 0.04] = 0.9
    picture[48:52, 8:40] = 0.05
    return picture.astype(np.float32)[None, ..., None]


def _standardized(picture):
    return (tf.constant(picture) - efficientnet_lite.MEAN) / efficientnet_lite.SPREAD


def test_the_features_of_a_picture_stay_as_they_are(lite0):
    top = lite0(_standardized(_picture()), training=False)
    assert top.shape == (1, 2, 2, 1280)
    # Golden: of the network that knows scikit-image's cat (Egyptian cat, 0.63) and cup of coffee (espresso, 0.84).
    means = np.mean(top, axis=(0, 1, 2)).reshape(len(_GOLDEN), -1).mean(axis=1)
    np.testing.assert_allclose(means, _GOLDEN, rtol=1e-3)


_GOLDEN = [0.20385, 0.17478, 0.10972, 0.20783, 0.16796, 0.13649, 0.23107, 0.14936]


def test_grey_gives_what_three_equal_channels_would(lite0):
    arrays = torch_weights.read(efficientnet_lite._weights_file("efficientnet_lite0"))
    kernel = next(iter(arrays.values())).transpose(2, 3, 1, 0)
    assert kernel.shape == (3, 3, 3, 32)
    grey = _standardized(_picture())
    expected = tf.nn.conv2d(tf.repeat(grey, 3, axis=-1), kernel, 2, "SAME")
    stem = tf.keras.Model(lite0.input, lite0.get_layer("stem_conv").output)
    np.testing.assert_allclose(stem(grey), expected, atol=1e-4)


@pytest.mark.parametrize("name", efficientnet_lite.NAMES[1:])
def test_the_larger_ones_have_weights_of_their_own_that_fit(name):
    top = _loaded(name)(_standardized(_picture()), training=False).numpy()
    assert top.shape == (1, 2, 2, 1280)
    assert 0.01 < top.mean() < 1  # drawn at random, or in another order, it dies out or grows
    assert (top < 6).mean() > 0.99


def test_a_package_that_is_not_installed_is_named(monkeypatch, lite0):
    monkeypatch.setattr(efficientnet_lite, "_PACKAGE", "no-such-{}-model")
    with pytest.raises(InputError, match=r"no-such-efficientnet-lite0-model is not installed; install"):
        efficientnet_lite.load_imagenet(lite0)
