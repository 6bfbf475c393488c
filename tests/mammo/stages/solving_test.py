import dataclasses

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
import tensorflow as tf

from mammo.config.model import ClassifierNetwork
from mammo.data import pipeline
from mammo.data.batch import grey_levels
from mammo.models import classifier
from mammo.stages import solving, stages
from mammo.stages.classifier import ClassifierTraining
from mammo.stages.solving import Examples
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

NETWORK = ClassifierNetwork("csp_darknet_nano", "linear", dropout=0.5, standardizes=False)


def _model(class_count):
    return classifier.build(NETWORK, class_count, (32, 32, 1))


def _examples(model, class_count, noise, count=90):
    """Examples about a centre for each class, the first feature always the same; later ones weigh more."""
    features = model.get_layer("features").output.shape[-1]
    random = np.random.default_rng(0)
    classes = random.permutation(np.arange(count) % class_count)
    centers = random.normal(size=(class_count, features))
    scales = 10.0 ** random.uniform(-2, 2, features)
    made = (centers[classes] + noise * random.normal(size=(count, features))) * scales + 3 * scales
    made[:, 0] = 0.25
    return Examples(made, classes, np.linspace(0.5, 4, count))


def _probabilities(model, features):
    """What the head of a model makes of features."""
    mean, spread = model.get_layer("statistics").get_weights()
    kernel, bias = model.get_layer("logits").get_weights()
    return tf.nn.softmax((features - mean) / spread @ kernel + bias).numpy()


def _of_sklearn(examples, penalty_c):
    solver = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression(C=penalty_c, max_iter=10_000)
    )
    weights = examples.weights / examples.weights.mean()
    solver.fit(examples.features, examples.classes, logisticregression__sample_weight=weights)
    return solver.predict_proba(examples.features)


@pytest.mark.parametrize("class_count", [2, 3])
@pytest.mark.parametrize("penalty_c", [0.01, 1.0])
def test_the_solved_head_says_what_logistic_regression_says(class_count, penalty_c):
    model = _model(class_count)
    examples = _examples(model, class_count, noise=3.0)
    solving.solve_head(model, examples, penalty_c)
    made = _probabilities(model, examples.features)
    np.testing.assert_allclose(made, _of_sklearn(examples, penalty_c), atol=1e-3)
    assert 0 < (made.argmax(axis=1) != examples.classes).sum() < 45  # it is no easy task


@pytest.mark.parametrize("class_count", [2, 3])
def test_classes_that_a_plane_separates_are_told_apart(class_count):
    model = _model(class_count)
    examples = _examples(model, class_count, noise=0.1)
    solving.solve_head(model, examples, 1.0)
    made = _probabilities(model, examples.features)
    np.testing.assert_array_equal(made.argmax(axis=1), examples.classes)
    assert made.max(axis=1).min() > 0.8


def test_an_example_counts_as_often_as_it_is_seen_whatever_the_sum():
    model = _model(3)
    examples = _examples(model, 3, noise=3.0)
    heads = []
    for weights in (examples.weights, 7 * examples.weights, examples.weights[::-1]):
        solving.solve_head(model, examples._replace(weights=weights), 0.1)
        heads.append(model.get_layer("logits").get_weights()[0])
    np.testing.assert_allclose(heads[0], heads[1], atol=1e-4)
    assert np.abs(heads[0] - heads[2]).max() > 0.01


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 12, "validation": 3, "test": 3})


@pytest.mark.parametrize(
    ("name", "changes", "weights"),
    [
        (
            "crop_classifier",
            {"crop__side_px": 32, "crop__contexts": (1.0, 2.0), "averaged_looks": 8},
            {0: 1, 1: 1, 2: 1},
        ),
        ("crop_classifier", {"crop__side_px": 32, "with_background": False}, {1: 1, 2: 1}),
        ("malignancy", {"input__class_weights": (0.25, 0.5, 1.5)}, {1: 1, 2: 3}),
    ],
)
def test_examples_are_the_training_images_as_they_are_averaged_over_the_looks(shards, name, changes, weights):
    labels = sorted(weights)
    stage = stages.from_config(disc_shards.config(name, model__head="linear", **changes), shards)
    assert isinstance(stage, ClassifierTraining)
    model = stage.build_initial_model()
    examples = solving.read_examples(model, stage.shards, stage.reading, stage.looks)
    known = {key: info for key, info in stage.shards.describe("train").items() if info.label in labels}
    assert examples.classes.tolist() == [labels.index(info.label) for info in known.values()]
    assert examples.weights.tolist() == [weights[info.label] for info in known.values()]
    features = classifier.features_of(model)
    one_by_one = dataclasses.replace(stage.reading, input=dataclasses.replace(stage.reading.input, batch_size=1))
    batches = pipeline.evaluation(stage.shards, "train", one_by_one, tf.distribute.InputContext())
    images = [grey_levels(batch.image) for batch in batches if batch.is_real[0]]
    for image, made in zip(images, examples.features, strict=True):
        looks = [features({"image": look, "position": tf.zeros([1], tf.int64)}) for look in stage.looks(image)]
        np.testing.assert_allclose(made, np.mean(looks, axis=0)[0], atol=1e-5)
