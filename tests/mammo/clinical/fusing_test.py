import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.clinical import fusing
from mammo.clinical.findings import Findings


def found(*rows):
    """Findings of (box, score, share of cancer)."""
    boxes, scores, shares = zip(*rows, strict=True) if rows else ((), (), ())
    return Findings(np.array(boxes, np.float64).reshape(-1, 4), np.array(scores), np.array(shares))


def test_boxes_of_either_class_on_one_lesion_become_one_finding():
    made = fusing.fuse(
        [found(((10, 10, 30, 30), 0.6, 1.0), ((12, 10, 32, 30), 0.3, 0.0), ((80, 80, 90, 90), 0.2, 0.0))]
    )
    assert len(made.scores) == 2
    np.testing.assert_allclose(made.boxes_xyxy_px[0], [10 + 2 / 3, 10, 30 + 2 / 3, 30])
    assert made.scores[0] == pytest.approx(0.6)
    assert made.cancer_shares[0] == pytest.approx(0.6 / 0.9)  # as the view's own rule shares it out
    np.testing.assert_allclose(made.boxes_xyxy_px[1], [80, 80, 90, 90])


def test_a_box_within_another_is_a_part_of_it_and_a_neighbour_is_not():
    nested = fusing.fuse([found(((0, 0, 100, 100), 0.9, 1.0), ((40, 40, 50, 50), 0.8, 1.0))])
    assert len(nested.scores) == 1
    beside = fusing.fuse([found(((0, 0, 10, 10), 0.9, 1.0), ((8, 0, 18, 10), 0.8, 1.0))])
    assert len(beside.scores) == 2


def test_what_one_of_two_looks_finds_counts_half():
    both = fusing.fuse([found(((0, 0, 10, 10), 0.8, 1.0)), found(((0, 0, 10, 10), 0.6, 0.0))])
    assert both.scores == pytest.approx([0.7])
    assert both.cancer_shares == pytest.approx([0.8 / 1.4])
    one = fusing.fuse([found(((0, 0, 10, 10), 0.8, 0.25)), found()])
    assert one.scores == pytest.approx([0.4])
    assert one.cancer_shares == pytest.approx([0.25])


def test_nothing_found_is_nothing_fused():
    made = fusing.fuse([found(), found()])
    assert made.boxes_xyxy_px.shape == (0, 4)
    assert made.scores.shape == made.cancer_shares.shape == (0,)


_corner = st.floats(0, 100, width=32)
_box = st.tuples(_corner, _corner, st.floats(1, 50, width=32), st.floats(1, 50, width=32)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
_rows = st.lists(st.tuples(_box, st.floats(0, 1), st.floats(0, 1)), max_size=8)


@given(_rows)
def test_fusing_keeps_the_highest_score_and_stays_within_the_boxes(rows):
    made = fusing.fuse([found(*rows)])
    assert len(made.scores) <= len(rows)
    assert (np.diff(made.scores) <= 0).all()
    if rows:
        assert made.scores[0] == max(score for _, score, _ in rows)
        boxes = np.array([box for box, _, _ in rows])
        assert (made.boxes_xyxy_px >= boxes.min(0) - 1e-6).all()
        assert (made.boxes_xyxy_px <= boxes.max(0) + 1e-6).all()
    assert ((made.cancer_shares >= 0) & (made.cancer_shares <= 1)).all()


@given(_rows)
def test_two_equal_looks_say_what_one_says(rows):
    once, twice = fusing.fuse([found(*rows)]), fusing.fuse([found(*rows)] * 2)
    np.testing.assert_allclose(once.scores, twice.scores)
    np.testing.assert_allclose(once.boxes_xyxy_px, twice.boxes_xyxy_px, atol=1e-6)
    np.testing.assert_allclose(once.cancer_shares, twice.cancer_shares)
