import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.config.run import CROP_LOOKS, VIEW_LOOKS, ClassifierConfig
from mammo.data.batch import PADDING, grey_levels
from mammo.reports import run
from mammo.stages import stages
from mammo.training import loop, workdir
from tests.mammo.data import small_shards
from tests.mammo.models import short_darknet, short_efficientnet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")
short_b0 = pytest.fixture(short_efficientnet.in_place_of_b0)

VIEWS = ("whole_image", "tumour", "malignancy")
ONE = tf.distribute.InputContext()


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 60, "validation": 12, "test": 24})


def _stage(shards, name, **changes):
    return stages.from_config(disc_shards.config(name, **changes), shards)


def _dataset(stage, split):
    return stage.build_training_dataset(ONE, 0) if split == "train" else stage.build_dataset(split, ONE)


def _labels(stage, split, batches):
    return np.concatenate([batch.label[batch.is_real].numpy() for batch in _dataset(stage, split).take(batches)])


@pytest.mark.parametrize(
    ("name", "classes", "labels"),
    [
        ("whole_image", ("normal", "benign", "cancer"), {0, 1, 2}),
        ("tumour", ("normal", "tumour"), {0, 1, 2}),
        ("malignancy", ("benign", "cancer"), {1, 2}),
        ("crop_classifier", ("background", "benign", "cancer"), {0, 1, 2}),
    ],
)
def test_a_stage_learns_from_the_images_that_it_tells_apart(shards, name, classes, labels):
    stage = _stage(shards, name)
    assert stage.classes.names == classes
    assert set(_labels(stage, "train", 10)) == labels
    assert set(_labels(stage, "test", 100)) == labels
    assert stage.evaluator("test").image_count == len(_labels(stage, "test", 100))


def test_without_background_crops_are_of_lesions(shards):
    stage = _stage(shards, "crop_classifier", with_background=False)
    assert stage.classes.names == ("benign", "cancer")
    assert set(_labels(stage, "train", 10)) == {1, 2}


def test_crops_are_jittered_in_training_alone(shards):
    stage = _stage(shards, "crop_classifier", crop__side_px=32)
    first, again = (next(iter(stage.build_training_dataset(ONE, 0))) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    discs = first.boxes[:, 0][first.label > 0].numpy()
    assert np.std((discs[:, 0] + discs[:, 2]) / 2) > 0.5  # pixels, of the middle
    for split in ("test", "train"):  # of the latter a head is solved
        still = next(iter(stage.build_dataset(split, ONE)))
        middles = still.boxes[:, 0][still.label > 0]
        np.testing.assert_allclose(middles, [[5, 5, 27, 27]] * len(middles), atol=1.5)


def test_squares_of_a_crop_are_channels_that_the_disc_fills_its_share_of(shards):
    stage = _stage(shards, "crop_classifier", crop__side_px=32, crop__contexts=(1.0, 2.0))
    assert stage.build_training_dataset(ONE, 0).element_spec.image == tf.TensorSpec([4, 32, 32, 2], tf.float32)
    still = next(iter(stage.build_dataset("test", ONE)))
    for image in still.image[still.label > 0].numpy():
        shares = (image > 0.5).mean(axis=(0, 1))
        np.testing.assert_allclose(shares, [np.pi / 4, np.pi / 16], rtol=0.15)


def test_a_crop_too_small_for_the_head_of_the_study_is_refused(shards):
    with pytest.raises(InputError, match="32 x 32 px are too small for it"):
        _stage(shards, "crop_classifier", crop__side_px=32, model__head="study")


def test_each_class_comes_equally_often_however_many_labels_it_has(shards):
    labels = _labels(_stage(shards, "tumour", input__batch_size=15), "train", 16)
    assert np.mean(labels > 0) == pytest.approx(0.5, abs=0.05)


def test_the_loss_is_what_is_divided_by_the_images(shards):
    stage = _stage(shards, "whole_image")
    batch = next(iter(stage.build_training_dataset(ONE, 0)))
    half = batch._replace(is_real=tf.constant([True, True, False, False]))
    logits = tf.random.stateless_normal([4, 3], [0, 0])
    whole, part = stage.loss(batch, logits), stage.loss(half, logits)
    expected = tf.keras.losses.sparse_categorical_crossentropy(batch.label, logits, from_logits=True)
    np.testing.assert_allclose(whole.total, tf.reduce_sum(expected), rtol=1e-5)
    np.testing.assert_allclose(part.total, tf.reduce_sum(expected[:2]), rtol=1e-5)
    assert (float(whole.normaliser), float(part.normaliser)) == (4, 2)


def test_class_weights_are_what_the_sums_are_divided_by(shards):
    stage = _stage(shards, "whole_image", loss__class_weights=(1.0, 2.0, 5.0))
    batch = next(iter(stage.build_training_dataset(ONE, 0)))._replace(label=tf.constant([0, 1, 2, 2]))
    assert float(stage.loss(batch, tf.zeros([4, 3])).normaliser) == 13


@pytest.mark.parametrize("name", [*VIEWS, "crop_classifier"])
def test_predictions_are_probabilities_and_those_of_mirror_images_too(shards, name):
    stage = _stage(shards, name, averaged_looks=2, **({"crop__side_px": 32} if name == "crop_classifier" else {}))
    batch = next(iter(stage.build_dataset("test", ONE)))
    model = stage.build_initial_model()
    images = grey_levels(batch.image)
    made, mirrored = stage.predict(model, images), stage.predict(model, tf.reverse(images, [1]))
    np.testing.assert_allclose(tf.reduce_sum(made, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(made, mirrored, atol=1e-5)


def _alike(stage, looks):
    """Which of some looks at images are judged as the first is."""
    model = stage.build_initial_model()
    first, *others = (stage.predict(model, look).numpy() for look in looks)
    return [True, *(np.allclose(first, other, rtol=0, atol=2e-6) for other in others)]


@pytest.mark.parametrize("count", CROP_LOOKS)
def test_a_crop_is_judged_alike_in_as_many_symmetries_as_it_is_looked_at(shards, count):
    stage = _stage(shards, "crop_classifier", crop__side_px=32, crop__contexts=(1.0, 1.5), averaged_looks=count)
    images = tf.random.stateless_uniform([3, *stage.plan.image_shape], [1, 2])
    turned = tf.transpose(images, [0, 2, 1, 3])
    symmetries = [tf.reverse(seen, axes) for seen in (images, turned) for axes in ([], [1], [2], [1, 2])]
    assert _alike(stage, symmetries) == [number < count for number in range(8)]


@pytest.mark.parametrize("count", VIEW_LOOKS)
def test_a_view_is_judged_alike_upside_down_where_it_is_looked_at_twice(shards, count):
    stage = _stage(shards, "tumour", averaged_looks=count)
    images = tf.random.stateless_uniform([3, *stage.plan.image_shape], [1, 2], minval=0.2)
    looks = [tf.reverse(images, axes) for axes in ([], [1], [2])]
    assert _alike(stage, looks) == [True, count == 2, False]


def test_augmentation_does_not_change_what_an_image_is(shards):
    stage = _stage(shards, "whole_image", augmentation__shift_share=0.9)
    batch = next(iter(stage.build_training_dataset(ONE, 0)))
    varied = stage.augment(batch, tf.constant([0, 0]))
    assert bool(tf.reduce_any(varied.classes != batch.classes))  # some lesion has left
    assert PADDING in varied.classes.numpy()
    np.testing.assert_array_equal(varied.label, batch.label)


def test_it_learns_to_tell_discs_apart(shards, tmp_path):
    config = disc_shards.config(
        "crop_classifier", crop__side_px=64, input__batch_size=16, train_steps=60, evaluate_every_steps=30,
        log_every_steps=30, save_every_steps=0, augmentation__rotation_degrees=10.0, optimizer__learning_rate=3e-3,
        optimizer__averages_decay=0.9,
    )  # fmt: skip
    evaluation, _ = loop.train(config, shards, tmp_path)
    page = run.write(tmp_path / "out", evaluation, shards, workdir.to_json(config), {"training_s": 1.0}, tmp_path)
    report = json.loads((page.parent / "report.json").read_text())
    assert report["n"]["images"] == 24
    assert report["auc"]["image"]["tumour"]["value"] > 0.95
    assert report["auc"]["image"]["cancer"]["value"] > 0.9
    assert set(report["auc"]) == {"image"}  # crops of a breast are no views of one thing
    assert "Cancer against the rest" in page.read_text()
    assert isinstance(config, ClassifierConfig)
    model = dataclasses.replace(config.model, weights=str(tmp_path / "backbone.h5"), keeps_statistics=False)
    again = stages.from_config(dataclasses.replace(config, model=model), shards).build_initial_model()
    first = again.get_layer("backbone").get_weights()
    for mine, trained in zip(first, evaluation.model.get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(mine, trained)


def test_a_frozen_backbone_is_learnt_from_its_phase_on(short_b0, shards, tmp_path):
    weights = tmp_path / "weights.h5"
    side_px = disc_shards.SIDE_PX
    network = short_efficientnet.make(include_top=False, input_shape=(side_px, side_px, 3))
    network.save_weights(weights)
    stage = _stage(
        shards, "tumour", model__backbone="efficientnet_b0", model__weights=str(weights), transfer__frozen_steps=7
    )
    assert [(phase.first_step, phase.rate_share) for phase in stage.phases] == [(0, 1.0), (7, 0.1)]
    model = stage.build_initial_model()
    assert len(stage.learnt(model, 0)) == 4  # normalisation and logits
    assert len(stage.learnt(model, 1)) == len(model.trainable_variables) > 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transfer__frozen_steps": 5}, "freeze a backbone, which takes --config.model.weights"),
        ({"transfer__unfrozen_layers": 3}, "unfrozen_layers=3 freeze a backbone"),
        ({"transfer__rate_share": 0.0}, "rate_share=0.0 must be above 0"),
        ({"loss__class_weights": (1.0, 2.0)}, "must be one number for each"),
        ({"model__head": "odd"}, "it is one of study, modern, linear"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(shards, changes, message):
    with pytest.raises(InputError, match=message):
        _stage(shards, "whole_image", **changes)


def test_shards_without_crops_are_refused(tmp_path):
    views = small_shards.write(tmp_path, {"train": [[0, 1, 2]], "validation": [[0]], "test": [[0]]})
    with pytest.raises(InputError, match="has no crops in the split 'train'"):
        _stage(views, "crop_classifier").build_training_dataset(ONE, 0)
