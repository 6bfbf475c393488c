"""A network out of a bundle says what the model said that was exported."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.config.data import CropConfig
from mammo.data.pipeline import Reading
from mammo.inference import bundles, freezing, networks
from mammo.inference.acceleration import Acceleration
from mammo.models import building, classifier
from mammo.stages.classifier import ClassifierStage
from tests.mammo.data import small_shards
from tests.mammo.inference import bright_disc
from tests.mammo.models import short_darknet
from tests.mammo.models.small_plans import CLASSIFIER

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_PLAN = dataclasses.replace(
    CLASSIFIER,
    network=dataclasses.replace(CLASSIFIER.network, head="linear"),
    crop=CropConfig(side_px=32, contexts=(1.0, 1.5, 3.0)),
    averaged_looks=8,
)


def _images(count):
    return np.random.default_rng(count).random((count, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """A crop classifier of three squares, whose head tells drawn crops apart."""
    made = building.build(_PLAN)
    features = classifier.features_of(made)({"image": _images(20), "position": tf.zeros([20], tf.int64)}).numpy()
    kernel = np.random.default_rng(0).normal(size=(features.shape[1], 3)) / np.sqrt(features.shape[1])
    classifier.set_linear_head(made, features.mean(axis=0), features.std(axis=0) + 1e-3, kernel, np.array([0, 0.5, 1]))
    return made


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "halved"])
def exported(request, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    stage = ClassifierStage(_PLAN, small_shards.write(tmp_path_factory.mktemp("shards"), {}), Reading())
    bright_disc.write(folder)
    freezing.save(stage, model, folder / "networks" / "crop_classifier", halved=request.param)
    plans = {**bright_disc.make_facts().networks, "crop_classifier": _PLAN}
    bundles.seal(folder, bright_disc.make_facts(networks=plans))
    return bundles.open_bundle(folder), stage, 5e-3 if request.param else 1e-5


@pytest.mark.parametrize("acceleration", [None, Acceleration(batch_images=4)], ids=["as it is", "compiled"])
def test_crops_of_several_squares_get_the_probabilities_of_the_model(exported, model, acceleration):
    bundle, stage, tolerance = exported
    assert bundle.facts.networks["crop_classifier"] == _PLAN
    predict = networks.load(bundle, "crop_classifier", acceleration)
    images = _images(7)
    expected = stage.predict(model, tf.constant(images)).numpy()
    assert np.ptp(expected, axis=0).max() > 0.05
    np.testing.assert_allclose(predict(images)["probabilities"], expected, atol=tolerance)
