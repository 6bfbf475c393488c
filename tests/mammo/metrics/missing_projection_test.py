from typing import Any

import numpy as np
import pytest

from mammo.clinical import questions
from mammo.clinical.labels import Projection
from mammo.metrics import missing_projection, scoring
from mammo.metrics.scoring import Scored
from tests.mammo.metrics import drawing


def _scored(pairs):
    """An exam a breast, with the scores for cancer of its CC and MLO view; None: the view is not there."""
    facts, rows = [], []
    for number, pair in enumerate(pairs):
        for projection, score in zip(Projection, pair, strict=True):
            if score is not None:
                name = f"{number}_{projection}"
                whose: dict[str, Any] = {"patient_id": f"P{number}", "exam_id": f"E{number}", "laterality": "left"}
                facts.append(drawing.make_facts(path=name, projection=projection, **whose))
                rows.append([1 - score, 0.0, score])
    return Scored(tuple(facts), np.zeros(len(rows), np.int64), np.array(rows), questions.WHOLE_IMAGE)


def _line(count=200, seed=0):
    random = np.random.default_rng(seed)
    common = random.uniform(0.2, 0.8, count)
    return np.clip(common[:, None] + random.normal(0, 0.1, (count, 2)), 0, 1)


def test_the_line_is_the_regression_of_one_projection_on_the_other():
    pairs = _line()
    fitted = missing_projection.fit(_scored(pairs))["cancer"]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    slope, intercept = np.polyfit(both[:, 0], both[:, 1], 1)
    np.testing.assert_allclose([fitted.slope, fitted.intercept], [slope, intercept])
    assert 0.5 < fitted.slope < 0.95  # what two noisy looks at one thing have in common


def test_breasts_with_one_projection_score_as_those_with_both_on_average():
    fitted = missing_projection.fit(_scored(_line()))
    others = _line(400, seed=1)
    whole = scoring.aggregate(_scored(others), "breast").scores["cancer"]
    lacking = _scored([(None, mlo) for _, mlo in others])
    alone = scoring.aggregate(lacking, "breast").scores["cancer"]
    filled = scoring.aggregate(_with(lacking, fitted), "breast").scores["cancer"]
    assert filled.mean() == pytest.approx(whole.mean(), abs=0.01)
    assert filled.std() < alone.std()  # one look is spread more widely than the mean of two
    assert np.mean((filled - whole) ** 2) < np.mean((alone - whole) ** 2)


def test_a_single_exam_gives_no_line():
    assert missing_projection.fit(_scored([(0.5, 0.6)])) == {}


def test_scores_that_never_change_expect_themselves():
    fitted = missing_projection.fit(_scored([(0.25, 0.25)] * 30))["cancer"]
    assert fitted.expected(0.9) == pytest.approx(0.25)


def _with(scored, fitted):
    return Scored(scored.facts, scored.labels, scored.probabilities, scored.classes, fitted)
