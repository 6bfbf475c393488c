import numpy as np
import pytest
import sklearn.metrics

from mammo.clinical.questions import TUMOUR
from mammo.data.batch import Detections
from mammo.stages.classification_evaluator import ClassificationEvaluator
from mammo.stages.detection_evaluator import DetectionEvaluator
from tests.mammo.stages.classified import SCORED, evaluate, make_batch


def test_how_images_were_put_into_batches_does_not_matter():
    order = np.random.default_rng(0).permutation(48)
    first, second = evaluate(SCORED), evaluate(SCORED, order)
    assert first.report() == second.report()
    np.testing.assert_array_equal(first.scored.labels, SCORED.labels)
    np.testing.assert_allclose(second.scored.probabilities, SCORED.probabilities, atol=1e-6)


def test_the_scalars_agree_with_the_report():
    evaluator = evaluate(SCORED)
    report, scalars = evaluator.report(), evaluator.scalars()
    for unit, task in (("image", "tumour"), ("image", "cancer"), ("exam", "cancer")):
        assert scalars[f"auc_{unit}/{task}"] == pytest.approx(report["auc"][unit][task]["value"])
    for name in ("accuracy", "balanced_accuracy"):
        assert scalars[name] == pytest.approx(report[name]["value"])
    expected = sklearn.metrics.log_loss(SCORED.labels, SCORED.probabilities)
    assert scalars["loss"] == pytest.approx(expected, rel=1e-5)


def test_scalars_that_are_not_defined_are_left_out():
    made = evaluate(SCORED.subset(SCORED.labels < 2)).scalars()
    assert "auc_image/tumour" in made
    assert "auc_image/cancer" not in made
    assert all(np.isfinite(value) for value in made.values())


def test_an_image_that_comes_twice_or_is_of_another_split_is_refused():
    evaluator = evaluate(SCORED)
    with pytest.raises(ValueError, match=r"0/left_cc\.png \(key 0\) came again"):
        evaluator.update(*make_batch(SCORED, [0]))
    other = ClassificationEvaluator({7: SCORED.facts[7]}, SCORED.classes)
    with pytest.raises(ValueError, match="key 3 is none of the 1 images"):
        other.update(*make_batch(SCORED, [3]))
    assert evaluator.image_count == 48


def test_no_image_at_all():
    evaluator = ClassificationEvaluator({}, TUMOUR)
    assert evaluator.scalars() == {}
    assert len(evaluator.pictures()) == 0
    with pytest.raises(ValueError, match="nothing to report"):
        evaluator.report()


def test_pictures_are_the_first_images_with_a_lesion_with_writing_on_them():
    made = evaluate(SCORED, picture_count=3).pictures()
    assert (made.shape, made.dtype) == ((3, 64, 48, 3), np.uint8)
    assert all(len(np.unique(picture)) > 2 for picture in made)
    assert len(evaluate(SCORED.subset(SCORED.labels == 0)).pictures()) == 0


def test_of_crops_only_images_are_judged():
    assert not any("exam" in name for name in evaluate(SCORED, units=("image",)).scalars())


@pytest.mark.parametrize("borders", [[20], [4, 40]])
def test_joined_evaluators_report_what_one_reports_that_has_seen_all_images(borders):
    parts = np.split(np.arange(48), borders)  # between patients, of four images each
    joined, *others = (evaluate(SCORED.subset(np.isin(np.arange(48), part))) for part in parts)
    for other in others:
        joined.join(other)  # each numbers its images from 0
    one = evaluate(SCORED)
    assert joined.image_count == one.image_count == 48
    assert joined.report() == one.report()
    assert joined.scalars() == one.scalars()
    assert len(joined.pictures()) > 0


def test_an_evaluator_of_another_kind_is_not_joined():
    with pytest.raises(TypeError, match="a classifier's evaluator cannot be joined with a DetectionEvaluator"):
        evaluate(SCORED).join(DetectionEvaluator({}, 1))


def test_detections_are_refused():
    batch, _ = make_batch(SCORED, [0])
    with pytest.raises(TypeError, match="takes an array, got Detections"):
        ClassificationEvaluator({0: SCORED.facts[0]}, SCORED.classes).update(batch, Detections(*[np.zeros(1)] * 4))
