import time

import numpy as np
import pytest

from mammo.metrics import froc, matching
from mammo.metrics.matching import Rule
from tests.mammo.metrics import drawing

RULE = Rule("centre")
A, B, AWAY, FAR = (10, 10, 30, 30), (60, 60, 80, 80), (100, 100, 120, 120), (200, 0, 220, 20)


def _sensitivity_at(results):
    summary = froc.summarise(froc.collect(results, RULE), resamples=50, seed=0)
    return {name: figure["value"] for name, figure in summary["sensitivity_at"].items()}


def _worked_example():
    """Two images, three lesions.

    By score: 0.9 false, 0.8 hit, 0.7 hit and false (equal), 0.6 repeat, 0.5 false, 0.4 hit. So the curve goes
    (1 false alarm, 1 hit), (2, 2), (3, 3), over 2 images and 3 lesions.
    """
    return [
        drawing.make_result([A, B], [(0.9, AWAY), (0.8, A), (0.7, B), (0.6, A)], patient_id="p"),
        drawing.make_result([A], [(0.7, AWAY), (0.5, FAR), (0.4, A)], patient_id="q"),
    ]


def test_an_example_worked_by_hand():
    third = pytest.approx(1 / 3), pytest.approx(2 / 3)
    expected = {"0.125": 0, "0.25": 0, "0.5": third[0], "1": third[1], "2": 1, "4": 1, "8": 1}
    assert _sensitivity_at(_worked_example()) == expected
    summary = froc.summarise(froc.collect(_worked_example(), RULE), resamples=20, seed=0)
    assert summary["score"]["value"] == pytest.approx((1 / 3 + 2 / 3 + 3) / 7)
    curve = summary["curve"]
    assert curve["false_positives_per_image"] == [0.5, 1.0, 1.5]
    assert curve["sensitivity"] == pytest.approx([1 / 3, 2 / 3, 1])
    assert curve["threshold"] == [0.8, 0.7, 0.4]


def test_the_threshold_of_a_rate_keeps_within_it():
    events = froc.collect(_worked_example(), RULE)
    assert froc.threshold(events, 1.0) == 0.7  # 0.5 would bring the third false alarm of two images
    assert froc.threshold(events, 0.5) == 0.8  # 0.7 brings a hit, but a false alarm with it
    assert froc.threshold(events, 0.25) == np.inf
    assert froc.threshold(events, 4.0) == 0.4
    assert froc.threshold(froc.collect([drawing.make_result([A])], RULE), 1.0) == np.inf


def test_a_perfect_detector_finds_everything_at_every_rate():
    results = [drawing.make_result([A, B], [(0.9, A), (0.8, B)], patient_id=str(index)) for index in range(5)]
    summary = froc.summarise(froc.collect(results, RULE), resamples=100, seed=0)
    assert summary["score"] == {"value": 1, "low": 1, "high": 1}
    assert all(figure == {"value": 1, "low": 1, "high": 1} for figure in summary["sensitivity_at"].values())
    assert set(summary["band"]["low"]) == {1}


def test_nothing_found_is_a_sensitivity_of_zero():
    results = [drawing.make_result([A], patient_id=str(index)) for index in range(3)]
    summary = froc.summarise(froc.collect(results, RULE), resamples=50, seed=0)
    assert summary["score"] == {"value": 0, "low": 0, "high": 0}
    assert summary["curve"]["sensitivity"] == []


@pytest.mark.parametrize("found", [[], [(0.5, A)]])
def test_without_a_lesion_there_is_no_sensitivity(found):
    results = [drawing.make_result([], found, patient_id=str(index)) for index in range(3)]
    summary = froc.summarise(froc.collect(results, RULE), resamples=50, seed=0)
    nothing = {"value": None, "low": None, "high": None}
    assert summary["score"] == nothing
    assert all(figure == nothing for figure in summary["sensitivity_at"].values())
    assert summary["curve"]["sensitivity"] == []


def test_false_alarms_count_over_all_images():
    found = [(0.9, AWAY), (0.5, A)]
    alone = [drawing.make_result([A], found, patient_id="p")]
    with_normals = alone + [drawing.make_result(patient_id=str(index)) for index in range(3)]
    assert _sensitivity_at(alone)["0.25"] == 0
    assert _sensitivity_at(with_normals)["0.25"] == 1


def test_of_equal_scores_none_comes_first():
    found = [(0.5, A), (0.5, AWAY)]
    for order in (found, found[::-1]):
        figures = _sensitivity_at([drawing.make_result([A], order)])
        assert figures["0.5"] == 0
        assert figures["1"] == 1


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("levels", [None, 4])
def test_it_equals_the_definition_spelt_out(seed, levels):
    results = drawing.random_results(seed, levels=levels)
    matches = [matching.match(result, RULE) for result in results]
    lesions = sum(len(result.truth_classes) for result in results)
    best = dict.fromkeys(froc.RATES, 0.0)
    for threshold in np.unique(np.concatenate([result.scores for result in results])):
        alarms = sum((m.is_false_alarm & (r.scores >= threshold)).sum() for m, r in zip(matches, results, strict=True))
        hits = sum((m.is_hit & (r.scores >= threshold)).sum() for m, r in zip(matches, results, strict=True))
        for name, rate in froc.RATES.items():
            if alarms <= rate * len(results):
                best[name] = max(best[name], hits / lesions)
    assert _sensitivity_at(results) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_that_counts_twice_is_two_patients(seed):
    results = drawing.random_results(seed, levels=5)
    weights = np.array([[2.0, 0, 1, 3]])
    times = dict(zip(("p0", "p1", "p2", "p3"), (2, 0, 1, 3), strict=True))
    copies = [result for result in results for _ in range(times[result.patient_id])]
    rates = [0.3, 1, 2.5]
    np.testing.assert_allclose(
        froc.sensitivity(froc.collect(results, RULE), rates, weights),
        froc.sensitivity(froc.collect(copies, RULE), rates),
    )


def test_the_interval_holds_the_value_and_narrows_with_more_patients():
    widths = []
    for count in (30, 300):
        events = froc.collect(drawing.random_results(0, count=count), RULE)
        figure: dict = {**froc.summarise(events, resamples=300, seed=0)["sensitivity_at"]["1"]}
        assert figure["low"] < figure["value"] < figure["high"]
        widths.append(figure["high"] - figure["low"])
    assert widths[1] < widths[0] / 2  # as the root of ten


def test_two_patients_have_an_interval_as_wide_as_their_difference():
    results = [
        drawing.make_result([A], [(0.9, A)], patient_id="found"),
        drawing.make_result([A], patient_id="missed"),
    ]
    figure = froc.summarise(froc.collect(results, RULE), resamples=200, seed=0)["sensitivity_at"]["1"]
    assert figure == {"value": 0.5, "low": 0, "high": 1}


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    results = [
        drawing.make_result([A], [(1 - index / 1000, A), (1 - index / 1000, AWAY)], patient_id=str(index))
        for index in range(500)
    ]
    curve = froc.curve(froc.collect(results, RULE))
    assert len(curve["sensitivity"]) == 200
    assert curve["sensitivity"][0] == 1 / 500
    assert curve["sensitivity"][-1] == curve["false_positives_per_image"][-1] == 1


def test_a_thousand_samples_of_a_thousand_images_take_seconds():
    events = froc.collect(drawing.random_results(0, count=1000), RULE)
    start = time.process_time()  # of this process alone: what else the machine does counts for nothing
    froc.summarise(events, resamples=1000, seed=0)
    assert time.process_time() - start < 10  # a fraction of a second; a loop over samples would take minutes


def test_the_threshold_of_a_share_of_lesions_is_the_score_of_the_last_that_it_needs():
    events = froc.collect(_worked_example(), RULE)
    assert [froc.threshold_of(events, share) for share in (0.1, 1 / 3, 0.5, 2 / 3, 1.0)] == [0.8, 0.8, 0.7, 0.7, 0.4]
    missed = froc.collect([drawing.make_result([A, B], [(0.9, A)])], RULE)
    assert froc.threshold_of(missed, 0.5) == 0.9
    assert froc.threshold_of(missed, 0.6) == -np.inf
