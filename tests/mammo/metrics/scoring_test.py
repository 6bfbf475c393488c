import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.clinical.calibration import Calibration
from mammo.clinical.questions import CROP, MALIGNANCY, TUMOUR, WHOLE_IMAGE
from mammo.clinical.rules import MissingProjection
from mammo.metrics import scoring
from mammo.metrics.scoring import Scored
from tests.mammo.metrics import drawing

FEW = hypothesis.settings(deadline=None, max_examples=30, derandomize=True)


def _views(*rows, classes=WHOLE_IMAGE):
    """Makes images of (exam, laterality, projection, label, probability of cancer); what is left is benign."""
    facts = tuple(
        drawing.make_facts(
            patient_id=f"patient of {exam}",
            exam_id=exam,
            laterality=side,
            projection=view,
            path=f"{exam}_{side}_{view}",
        )
        for exam, side, view, _, _ in rows
    )
    cancer = np.array([row[4] for row in rows])
    probabilities = np.stack([np.zeros(len(rows)), 1 - cancer, cancer], axis=1)
    return Scored(facts, np.array([row[3] for row in rows]), probabilities, classes)


EXAMS = _views(
    ("e2", "left", "cc", 0, 0.1),
    ("e1", "left", "cc", 2, 0.9),
    ("e1", "left", "mlo", 1, 0.5),
    ("e1", "right", "cc", 0, 0.8),
    ("e1", "right", "mlo", 0, 0.2),
)


def test_a_breast_is_the_mean_of_its_projections_and_an_exam_the_largest_of_its_breasts():
    breasts = scoring.aggregate(EXAMS, "breast")
    assert breasts.names == ("e1/left", "e1/right", "e2/left")
    assert breasts.scores["cancer"] == pytest.approx([0.7, 0.5, 0.1])
    assert breasts.labels.tolist() == [2, 0, 0]  # the worst of its views
    exams = scoring.aggregate(EXAMS, "exam")
    assert exams.names == ("e1", "e2")
    assert exams.scores["cancer"] == pytest.approx([0.7, 0.1])
    assert exams.labels.tolist() == [2, 0]
    assert exams.cases["cancer"].is_positive.tolist() == [True, False]
    assert exams.patients.tolist() == [0, 1]


def test_a_breast_is_asked_for_malignancy_where_a_view_is_sure_that_there_is_a_lesion():
    scored = _views(("e", "left", "cc", 2, 0.9), ("e", "left", "mlo", 2, 0.2), ("e", "right", "cc", 0, 0.5))
    tumour = np.array([0.8, 0.2, 0.0])[:, None]
    scored = dataclasses.replace(
        scored, probabilities=np.concatenate([1 - tumour, tumour * scored.probabilities[:, 1:]], axis=1)
    )
    breasts = scoring.aggregate(scored, "breast")
    # CC counts four times as much as MLO; of the other breast nothing is known.
    assert breasts.scores["malignancy"] == pytest.approx([0.8 * 0.9 + 0.2 * 0.2, 0.5])
    assert breasts.cases["malignancy"].is_positive.tolist() == [True]  # the other shows no lesion: it is not asked


def test_a_repeat_dilutes_nothing_and_a_missing_projection_is_filled_in():
    rows = [("e", "left", "cc", 0, 0.0)] * 3 + [("e", "left", "mlo", 2, 0.72), ("f", "left", "mlo", 2, 0.72)]
    scored = dataclasses.replace(_views(*rows), missing_projection={"cancer": MissingProjection(0.0, 0.5)})
    assert scoring.aggregate(scored, "breast").scores["cancer"] == pytest.approx([0.36, 0.54])
    assert scoring.aggregate(scored.subset(np.arange(5) > 2), "breast").scores["cancer"] == pytest.approx([0.54, 0.54])


@hypothesis.given(st.integers(0, 10**6), st.permutations(range(48)))
@FEW
def test_cases_come_in_one_order_whatever_the_order_of_the_images(seed, order):
    scored = drawing.random_scored(seed, levels=3)
    turned = Scored(
        tuple(scored.facts[index] for index in order), scored.labels[order], scored.probabilities[order], scored.classes
    )
    for unit in scoring.UNITS:
        first, second = scoring.aggregate(scored, unit), scoring.aggregate(turned, unit)
        assert first.names == second.names == tuple(sorted(first.names))
        np.testing.assert_array_equal(first.labels, second.labels)
        for task, cases in first.cases.items():
            np.testing.assert_allclose(cases.scores, second.cases[task].scores, rtol=1e-12)
            np.testing.assert_array_equal(cases.patients, second.cases[task].patients)


def test_crops_of_one_image_stay_apart():
    scored = _views(("e", "left", "cc", 2, 0.9), ("e", "left", "cc", 0, 0.1))
    assert scoring.aggregate(scored, "image").scores["cancer"].tolist() == [0.9, 0.1]


@pytest.mark.parametrize(
    ("classes", "tasks"),
    [
        (WHOLE_IMAGE, {"tumour", "cancer", "malignancy"}),
        (TUMOUR, {"tumour"}),
        (MALIGNANCY, {"cancer"}),
        (CROP, {"tumour", "cancer", "malignancy"}),
    ],
)
def test_each_stage_answers_its_questions(classes, tasks):
    scored = drawing.random_scored(0, classes=classes)
    assert set(scoring.aggregate(scored, "image").cases) == tasks
    # Of views without a lesion it is noise, which would count in the mean of a breast and in the maximum of an exam.
    assert set(scoring.aggregate(scored, "exam").cases) == tasks - {"malignancy"}


def test_calibration_and_choice_keep_images_and_probabilities_together():
    scored = drawing.random_scored(0)
    made = scored.calibrated(Calibration(2.0, (0.0, 1.0, 0.0)))
    assert made.facts is scored.facts
    np.testing.assert_allclose(made.probabilities.sum(axis=1), 1)
    is_kept = scored.labels == 2
    chosen = scored.subset(is_kept)
    assert [fact.label for fact in chosen.facts] == chosen.labels.tolist() == [2] * int(is_kept.sum())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": np.zeros(4, np.int64)}, r"labels \(5,\) and probabilities \(5, 3\), got \(4,\)"),
        ({"probabilities": np.zeros((5, 2))}, r"got \(5,\) and \(5, 2\)"),
        ({"probabilities": np.full((5, 3), 0.5)}, "sum to 1"),
        ({"probabilities": np.full((5, 3), np.nan)}, "finite"),
        ({"probabilities": np.tile([-0.5, 0.5, 1.0], (5, 1))}, "at least 0"),
        (
            {"classes": MALIGNANCY, "probabilities": np.full((5, 2), 0.5)},
            r"e2_left_cc is none of \('benign', 'cancer'\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        dataclasses.replace(EXAMS, **changes)
