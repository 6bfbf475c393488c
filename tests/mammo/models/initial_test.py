import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.config.model import ModelConfig
from mammo.models import backbones, building, initial
from tests.mammo.models import short_darknet
from tests.mammo.models.small_plans import CLASSIFIER, DETECTOR

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_NAME = "csp_darknet_nano"


@pytest.fixture(scope="module")
def pretrained():
    return building.build(CLASSIFIER)


@pytest.fixture(scope="module")
def weights_file(pretrained, tmp_path_factory):
    """Weights of a backbone, as another run leaves them."""
    path = tmp_path_factory.mktemp("weights") / "backbone.h5"
    backbones.save(pretrained, path)
    return path


def _backbone(model):
    return next(layer for layer in model.submodules if layer.name == "backbone")


@pytest.mark.parametrize("plan", [CLASSIFIER, DETECTOR])
def test_the_backbone_begins_with_the_weights_of_a_file_and_the_rest_as_it_is_drawn(plan, pretrained, weights_file):
    made, others = [], []
    for weights in (str(weights_file), "none"):
        tf.keras.utils.set_random_seed(3)
        model = initial.build(plan, ModelConfig(_NAME, weights))
        made.append(_backbone(model).get_weights())
        of_backbone = {id(weight) for weight in _backbone(model).weights}
        others.append([weight.numpy() for weight in model.weights if id(weight) not in of_backbone])
    for own, drawn, expected in zip(*made, _backbone(pretrained).get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)
        assert drawn.ndim < 4 or (drawn != own).any()
    assert others[0]
    for one, other in zip(*others, strict=True):
        np.testing.assert_array_equal(one, other)


def test_statistics_are_kept_where_that_is_wanted(weights_file):
    images = np.random.default_rng(0).random((3, 32, 32, 1), np.float32)
    for keeps_statistics in (True, False):
        made = initial.build(CLASSIFIER, ModelConfig(_NAME, str(weights_file)), keeps_statistics=keeps_statistics)
        backbone = _backbone(made)
        statistics = [weight.numpy() for weight in backbone.weights if "moving" in weight.name]
        made({"image": tf.constant(images), "position": tf.range(3, dtype=tf.int64)}, training=True)
        after = [weight.numpy() for weight in backbone.weights if "moving" in weight.name]
        moved = [(start != end).any() for start, end in zip(statistics, after, strict=True)]
        assert len(moved) > 5
        assert not any(moved) if keeps_statistics else all(moved)
        assert any("gamma" in weight.name for weight in backbone.trainable_weights) != keeps_statistics


def test_statistics_follow_batches_with_the_momentum():
    made = initial.build(CLASSIFIER, ModelConfig(_NAME, batch_norm_momentum=0.5))
    layer = next(layer for layer in _backbone(made).submodules if isinstance(layer, tf.keras.layers.BatchNormalization))
    before = layer.moving_variance.numpy()
    made({"image": tf.zeros([2, 32, 32, 1]), "position": tf.zeros([2], tf.int64)}, training=True)
    assert (np.abs(layer.moving_variance.numpy() - before) > 0.2).any()  # by 0.01 with 0.99


def test_a_file_that_is_none_of_this_backbone_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.h5: no such file of weights"):
        initial.build(CLASSIFIER, ModelConfig(_NAME, str(tmp_path / "missing.h5")))
