from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.data.batch import PADDING, grey_levels
from mammo.models import anchor_boxes, targets
from mammo.stages import stages
from tests.mammo.data import small_shards
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 12, "validation": 3, "test": 3})


@pytest.fixture(scope="module")
def stage(shards):
    return stages.from_config(disc_shards.config(), shards)


@pytest.fixture(scope="module")
def batch(stage):
    return next(iter(stage.build_training_dataset(tf.distribute.InputContext(), 0)))


def _outputs(stage: Any, logit: float) -> dict[str, tf.Tensor]:
    """What a network would give that is as sure as `logit` that each anchor is each class, and moves no anchor."""
    count = anchor_boxes.all_boxes(stage.plan.anchors, disc_shards.SIDE_PX, disc_shards.SIDE_PX).shape[0]
    return {"classification": tf.fill([4, count, stage.class_count], logit), "box": tf.zeros([4, count, 4])}


def test_the_network_says_something_of_each_anchor(stage, batch):
    outputs = stage.build_initial_model()(grey_levels(batch.image))
    expected = _outputs(stage, 0.0)
    assert outputs["classification"].shape == expected["classification"].shape
    assert outputs["box"].shape == expected["box"].shape


def test_anchors_fit_the_lesions_of_the_training_split(stage):
    assert 10 <= stage.plan.anchors.sizes_px[0] <= 14  # benign discs are 12 px wide, cancers 18


def test_the_loss_is_what_is_divided_by_the_anchors_of_lesions(stage, batch):
    sums = stage.loss(batch, _outputs(stage, -2.0))
    assert float(sums.normaliser) >= int(tf.reduce_sum(tf.cast(batch.classes >= 0, tf.int32)))
    np.testing.assert_allclose(sums.total, sum(sums.parts.values()), rtol=1e-6)
    assert set(sums.parts) == set(stage.loss_parts)


def test_what_pads_a_batch_is_not_learnt_from(stage, batch):
    half = batch._replace(is_real=tf.constant([True, True, False, False]))
    outputs = _outputs(stage, -2.0)
    other_half = batch._replace(is_real=tf.constant([False, False, True, True]))
    whole, first, second = (stage.loss(part, outputs) for part in (batch, half, other_half))
    np.testing.assert_allclose(whole.total, first.total + second.total, rtol=1e-5)
    assert float(first.normaliser) < float(whole.normaliser)


@pytest.mark.parametrize("box_loss", ["smooth_l1", "generalized_iou"])
def test_a_box_loss_vanishes_for_the_right_boxes_alone(stage, batch, box_loss):
    other = stages.from_config(disc_shards.config(loss__box_loss=box_loss), stage.shards)
    wrong = _outputs(stage, -2.0)
    anchors = anchor_boxes.all_boxes(stage.plan.anchors, disc_shards.SIDE_PX, disc_shards.SIDE_PX)
    right = {**wrong, "box": targets.match(batch.boxes, batch.classes, anchors, 0.5, 0.4).deltas}
    assert float(other.loss(batch, wrong).parts["box"]) > 1
    assert float(other.loss(batch, right).parts["box"]) == pytest.approx(0, abs=1e-3)


def test_a_class_blind_detector_learns_and_finds_one_class(shards):
    blind: Any = stages.from_config(disc_shards.config(model__is_class_blind=True), shards)
    batch = next(iter(blind.build_training_dataset(tf.distribute.InputContext(), 0)))
    assert set(np.unique(batch.classes)) <= {PADDING, 0}
    assert set(np.unique(batch.label)) - {0, 1}  # whose lesions are cancers all the same
    assert blind.class_count == 1
    assert blind.build_initial_model()(grey_levels(batch.image))["classification"].shape[-1] == 1


def test_a_trained_network_would_be_decoded_in_pixels_of_the_image(stage, batch):
    class Oracle(tf.Module):
        """Says that the anchors of the lesions in the batch are what they are."""

        def __call__(self, images, training):
            boxes = anchor_boxes.all_boxes(stage.plan.anchors, disc_shards.SIDE_PX, disc_shards.SIDE_PX)
            made = targets.match(batch.boxes, batch.classes, boxes, 0.5, 0.4)
            logits = tf.where(tf.one_hot(made.classes, 2) > 0, 4.0, -9.0)
            return {"classification": logits, "box": made.deltas}

    found = stage.predict(Oracle(), grey_levels(batch.image))
    for row in range(4):
        lesions = batch.boxes.numpy()[row][batch.classes.numpy()[row] >= 0]
        assert int(found.num_valid[row]) == len(lesions)
        if len(lesions):
            np.testing.assert_allclose(found.boxes_xyxy_px[row, : len(lesions)], lesions, atol=0.01)
            assert found.classes[row, 0] == batch.classes[row, 0]


def test_evaluation_takes_each_image_once(stage):
    evaluator = stage.evaluator("validation")
    model = stage.build_initial_model()
    for batch in stage.build_dataset("validation", tf.distribute.InputContext()):
        found = tf.nest.map_structure(lambda value: value.numpy(), stage.predict(model, grey_levels(batch.image)))
        evaluator.update(tf.nest.map_structure(lambda value: value.numpy(), batch), found)
    assert len(evaluator.results) == 3
    assert stage.best_by in evaluator.scalars()


def test_views_that_the_pyramid_cannot_halve_are_refused_with_their_size(tmp_path):
    odd = small_shards.write(tmp_path, {"train": [[0, 1]]})
    with pytest.raises(InputError, match=r"holds views of 8 x 6 px; networks take multiples of 32"):
        stages.from_config(disc_shards.config(), odd)
