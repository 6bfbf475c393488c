import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.clinical import rules
from mammo.clinical.findings import Findings
from mammo.clinical.labels import SIDES, STANDARD_VIEWS, Laterality, Projection
from mammo.clinical.rules import MissingProjection, ViewScore

FEW = hypothesis.settings(deadline=None, max_examples=60, derandomize=True)
SHARES = st.floats(0, 1)
CC, MLO = Projection.CC, Projection.MLO
LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT
LINE = MissingProjection(intercept=0.05, slope=0.4)


def _findings(scores, shares):
    boxes = np.tile([0.0, 0, 10, 10], (len(scores), 1))
    return Findings(boxes, np.array(scores, float), np.array(shares, float))


def _is(scored, score, *, is_complete):
    assert scored.score == pytest.approx(score)
    assert scored.is_complete is is_complete


@FEW
@hypothesis.given(st.lists(st.tuples(SHARES, SHARES), max_size=5))
def test_a_view_gets_probabilities(found):
    made = rules.of_findings(_findings(*np.array(sorted(found, reverse=True)).reshape(-1, 2).T))
    assert (made >= 0).all()
    assert made.sum() == pytest.approx(1)


def test_a_view_is_as_suspicious_as_the_worst_that_was_found():
    np.testing.assert_allclose(rules.of_findings(_findings([0.8], [0.75])), [0.2, 0.2, 0.6])
    # A benign lesion that is surer, and a cancer: the scores for either share out what the surer one makes of it.
    made = rules.of_findings(_findings([0.6, 0.3], [0.0, 1.0]))
    np.testing.assert_allclose(made, [0.4, 0.4, 0.2])


@FEW
@hypothesis.given(st.lists(st.tuples(SHARES, SHARES), max_size=5), st.floats(0.01, 1))
def test_one_more_suspicious_finding_never_lowers_the_score_for_a_lesion(found, score):
    found = sorted(found, reverse=True)
    before = _findings([pair[0] for pair in found], [pair[1] for pair in found])
    after = _findings([*before.scores, score], [*before.cancer_shares, 1.0])
    assert rules.of_findings(after)[0] <= rules.of_findings(before)[0] + 1e-12


def test_where_nothing_was_found_a_view_is_nearly_surely_normal():
    made = rules.of_findings(_findings([], []))
    assert made[0] == pytest.approx(0.999)
    assert made[1] == made[2]


def test_a_breast_is_the_mean_of_its_projections():
    _is(rules.of_breast([(CC, 0.0), (MLO, 0.72)]), 0.36, is_complete=True)


@pytest.mark.parametrize("repeats", [1, 3])
def test_repeats_of_one_projection_dilute_nothing(repeats):
    scored = rules.of_breast([(CC, 0.0)] * repeats + [(MLO, 0.72)])
    _is(scored, 0.36, is_complete=True)


def test_of_two_views_of_one_projection_the_worse_counts():
    assert rules.of_breast([(CC, 0.1), (CC, 0.6), (MLO, 0.2)]).score == pytest.approx(0.4)


def test_a_missing_projection_is_filled_in_by_its_expectation_and_said():
    scored = rules.of_breast([(MLO, 0.72)], LINE)
    assert scored.score == pytest.approx((0.72 + 0.05 + 0.4 * 0.72) / 2)
    assert not scored.is_complete
    # Without a line that was fitted, the other projection is expected to be as the one that was seen.
    assert rules.of_breast([(MLO, 0.72)]).score == pytest.approx(0.72)


@FEW
@hypothesis.given(SHARES, st.floats(-1, 1), st.floats(-2, 2))
def test_an_expectation_is_a_score(seen, intercept, slope):
    assert 0 <= MissingProjection(intercept, slope).expected(seen) <= 1


def test_a_view_of_unknown_projection_is_one_projection_more():
    _is(rules.of_breast([(CC, 0.2), (MLO, 0.4), (None, 0.6)]), 0.5, is_complete=True)
    _is(rules.of_breast([(CC, 0.2), (None, 0.6)]), 0.4, is_complete=False)


def _exam(**scores):
    """Views by names such as left_cc; None: it could not be read."""
    named = [(Laterality(name.partition("_")[0]), Projection(name.partition("_")[2])) for name in scores]
    return [ViewScore(*view, score) for view, score in zip(named, scores.values(), strict=True)]


def test_an_exam_is_its_more_suspicious_breast():
    scored = rules.of_exam(_exam(right_cc=0.1, right_mlo=0.3, left_cc=0.6, left_mlo=0.4))
    assert scored.score == scored.breasts[LEFT].score == pytest.approx(0.5)
    assert scored.breasts[RIGHT].score == pytest.approx(0.2)
    assert list(scored.breasts) == list(SIDES)
    assert scored.is_complete


def test_an_exam_that_lacks_a_projection_or_a_breast_says_so():
    whole = [ViewScore(*view, 0.2) for view in STANDARD_VIEWS]
    assert rules.of_exam(whole).is_complete
    for index in range(len(whole)):
        assert not rules.of_exam(whole[:index] + whole[index + 1 :]).is_complete
        unread = [*whole[:index], whole[index]._replace(score=None), *whole[index + 1 :]]
        scored = rules.of_exam(unread, LINE)
        assert not scored.is_complete
        side, _ = STANDARD_VIEWS[index]
        assert scored.breasts[side].score == pytest.approx((0.2 + LINE.expected(0.2)) / 2)
    assert not rules.of_exam(_exam(left_cc=0.2, left_mlo=0.2)).is_complete


def test_an_unreadable_repeat_leaves_an_exam_complete():
    views = [ViewScore(*view, 0.2) for view in STANDARD_VIEWS]
    assert rules.of_exam([*views, ViewScore(LEFT, CC, None)]).is_complete


def test_an_exam_of_which_nothing_was_read_has_no_score():
    assert rules.of_exam(_exam(left_cc=None)) == ({}, None, False)


def test_views_of_unknown_breasts_stand_each_for_one():
    scored = rules.of_exam([ViewScore(None, CC, 0.2), ViewScore(None, MLO, 0.6)])
    assert not scored.breasts
    assert scored.score == pytest.approx(0.6)
    assert not scored.is_complete


def test_malignancy_of_a_breast_is_asked_where_a_view_is_sure_of_a_lesion_and_a_repeat_dilutes_nothing():
    cc, mlo = Projection.CC, Projection.MLO
    assert rules.malignancy_of_breast([(cc, 0.8, 0.9), (mlo, 0.2, 0.2)]) == pytest.approx(0.8 * 0.9 + 0.2 * 0.2)
    # Of two CC views the surer counts; a view of unknown projection is one projection more.
    assert rules.malignancy_of_breast([(cc, 0.8, 0.9), (cc, 0.3, 0.1), (mlo, 0.2, 0.2)]) == pytest.approx(0.76)
    assert rules.malignancy_of_breast([(cc, 0.5, 0.9), (None, 0.5, 0.1)]) == pytest.approx(0.5)
    assert rules.malignancy_of_breast([(cc, 0.0, 0.5)]) == 0.5
