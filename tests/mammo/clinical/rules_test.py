import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.clinical import rules
from mammo.clinical.rules import Findings
from mammo.data.batch import Detections

FEW = hypothesis.settings(deadline=None, max_examples=60, derandomize=True)
SHARES = st.floats(0, 1)


def _two(first):
    return np.stack([1 - np.asarray(first), first], axis=1)


def _findings(scores, shares):
    boxes = np.tile([0.0, 0, 10, 10], (len(scores), 1))
    return Findings(boxes, np.array(scores, float), np.array(shares, float))


def test_the_hierarchy_multiplies():
    made = rules.hierarchical(_two([0.8, 0.1]), _two([0.25, 1.0]))
    np.testing.assert_allclose(made, [[0.2, 0.6, 0.2], [0.9, 0.0, 0.1]])


def test_the_gate_is_the_listing_of_the_study():
    # Listing 1: tumour only if it is likelier than normal, and cancer only if it is likelier than benign.
    made = rules.gated(_two([0.9, 0.6, 0.5, 0.1]), _two([0.7, 0.2, 0.9, 0.9]))
    np.testing.assert_array_equal(made.argmax(axis=1), [2, 1, 0, 0])
    np.testing.assert_array_equal(made[2:], [[1, 0, 0]] * 2)
    np.testing.assert_allclose(made[:2], [[0, 0.3, 0.7], [0, 0.8, 0.2]])


@FEW
@hypothesis.given(hnp.arrays(float, (5,), elements=SHARES), hnp.arrays(float, (5,), elements=SHARES))
def test_all_rules_give_probabilities(first, second):
    for rule in (rules.hierarchical, rules.gated):
        np.testing.assert_allclose(rule(_two(first), _two(second)).sum(axis=1), 1)
    made = rules.of_findings(_findings(np.sort(first)[::-1], second))
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


def test_detections_are_of_one_class_each():
    made = rules.of_detections(
        Detections(np.ones((4, 4)), np.array([0.9, 0.5, 0, 0]), np.array([1, 0, -1, -1]), np.array(2))
    )
    np.testing.assert_array_equal(made.scores, [0.9, 0.5])
    np.testing.assert_array_equal(made.cancer_shares, [1, 0])


def test_the_second_look_lowers_what_is_background_and_sorts_anew():
    found = _findings([0.9, 0.8], [0, 0])
    made = rules.judged(found, np.array([[0.9, 0.05, 0.05], [0.0, 0.25, 0.75]]))
    np.testing.assert_allclose(made.scores, [0.8, 0.09])
    np.testing.assert_allclose(made.cancer_shares, [0.75, 0.5])
    kept = rules.judged(found, np.array([[0.4, 0.6], [1.0, 0.0]]))
    np.testing.assert_allclose(kept.scores, found.scores)
    np.testing.assert_allclose(kept.cancer_shares, [0.6, 0])
