import dataclasses
import json

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from mammo.common.errors import InputError
from mammo.config import run
from mammo.config.data import CropConfig
from mammo.models import building, plans
from mammo.models.anchor_grid import Anchors
from mammo.models.plans import Plan
from tests.mammo.models import short_darknet
from tests.mammo.models.small_plans import CLASSIFIER, DETECTOR

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_SIZES = st.floats(1, 500)
_DETECTORS: st.SearchStrategy[Plan] = st.builds(
    lambda levels, size, ratio, height_px: dataclasses.replace(
        DETECTOR,
        height_px=height_px,
        anchors=Anchors(tuple(range(3, 3 + levels)), tuple(size * 2**level for level in range(levels)), (ratio, 1.0)),
    ),
    st.integers(1, 5),
    _SIZES,
    st.floats(0.1, 9),
    st.integers(1, 2000),
)
_CLASSIFIERS: st.SearchStrategy[Plan] = st.builds(
    lambda crop, head, averaged_looks: dataclasses.replace(
        CLASSIFIER,
        crop=crop,
        averaged_looks=averaged_looks,
        network=dataclasses.replace(CLASSIFIER.network, head=head),
    ),
    st.none() | st.builds(CropConfig, contexts=st.lists(st.floats(1, 3), min_size=1, max_size=8).map(tuple)),
    st.sampled_from(["study", "modern", "linear"]),
    st.sampled_from(run.VIEW_LOOKS),
)


@hypothesis.given(_DETECTORS | _CLASSIFIERS)
def test_json_gives_back_what_it_was_made_of(made):
    assert plans.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize("made", [DETECTOR, CLASSIFIER])
def test_a_folder_gives_back_what_was_written_into_it(made, tmp_path):
    made.write(tmp_path)
    assert plans.read(tmp_path) == made


def test_the_network_is_the_same_wherever_it_is_built():
    networks = [building.build(plans.from_json(DETECTOR.to_json())) for _ in range(2)]
    networks[1].set_weights(networks[0].get_weights())
    images = tf.random.stateless_uniform([2, 64, 96, 1], [1, 2])
    first, second = (network(images) for network in networks)
    np.testing.assert_array_equal(first["classification"], second["classification"])
    assert first["box"].shape == (2, (8 * 12 + 4 * 6) * 9, 4)
    judged = building.build(CLASSIFIER)({"image": tf.zeros([2, 32, 32, 1]), "position": tf.zeros([2], tf.int64)})
    assert judged.shape == (2, 3)


def test_the_network_of_crops_takes_a_channel_for_each_square():
    made = dataclasses.replace(CLASSIFIER, crop=CropConfig(side_px=32, contexts=(1.0, 1.5, 3.0)))
    assert made.image_shape == (32, 32, 3)
    judged = building.build(made)({"image": tf.zeros([2, 32, 32, 3]), "position": tf.zeros([2], tf.int64)})
    assert judged.shape == (2, 3)
    assert dataclasses.replace(CLASSIFIER, crop=None, averaged_looks=1).image_shape == (32, 32, 1)
    assert DETECTOR.image_shape == (64, 96, 1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_weights_of_one_precision_fit_the_network_in_any_other(policy, tmp_path):
    single = building.build(DETECTOR)
    path = tf.train.Checkpoint(model=single).write(str(tmp_path / "weights"))
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        low = building.build(DETECTOR)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    tf.train.Checkpoint(model=low).read(path).assert_existing_objects_matched()
    for one, other in zip(single.get_weights(), low.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_without_a_plan_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"has no plan\.json.*train it again if an older version made it"):
        plans.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged ("),
        ("[]", "is damaged ("),
        (
            json.dumps({**DETECTOR.to_json(), "format_version": 99}),
            f"is of format 99, this code reads {plans.FORMAT_VERSION}; train",
        ),
        (json.dumps({**DETECTOR.to_json(), "anchors": {"levels": [3]}}), "required field `sizes_px` - at `$.anchors`"),
        (json.dumps({**DETECTOR.to_json(), "height_px": 1 << 40}), "px is no size of an image"),
        (json.dumps({**CLASSIFIER.to_json(), "averaged_looks": 3}), "no prediction is the mean over 3 looks"),
        (json.dumps({**CLASSIFIER.to_json(), "crop": None}), "no prediction is the mean over 4 looks"),
        ("[" * 5000, "is damaged (it is nested too deeply); train the model again"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused(text, said, tmp_path):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(InputError) as refused:
        plans.read(tmp_path)
    assert said in str(refused.value)
    assert str(tmp_path / "plan.json") in str(refused.value)
