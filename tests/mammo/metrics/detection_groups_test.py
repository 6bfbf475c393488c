import numpy as np
import pytest

from mammo.metrics import detection_groups
from mammo.metrics.matching import Rule
from tests.mammo.metrics import drawing

A, B, AWAY = (10, 10, 30, 30), (60, 60, 80, 80), (100, 100, 120, 120)


def _by_group(rows, threshold=0.5, resamples=0):
    """Judges images of (what is found, facts)."""
    facts = [fact for _, fact in rows]
    results = [
        drawing.make_result(fact.boxes_xyxy_px.tolist(), found, patient_id=fact.patient_id) for found, fact in rows
    ]
    rule = Rule("centre")
    return detection_groups.by_group(results, facts, rule, threshold, resamples=resamples, seed=0)


ROWS = [
    ([(0.9, A), (0.6, AWAY)], drawing.make_facts([A, B], pathologies=[2, 1], patient_id="a", density=1)),
    ([(0.8, AWAY), (0.4, B)], drawing.make_facts([B], patient_id="b", density=1)),
    ([(0.7, AWAY), (0.7, B)], drawing.make_facts(patient_id="b", density=4)),
]


def test_an_example_worked_by_hand():
    density = _by_group(ROWS)["density"]
    assert density["1"]["n"] == {"patients": 2, "images": 2, "lesions": 3}
    assert density["1"]["sensitivity"]["value"] == pytest.approx(1 / 3)  # that with 0.4 lies below the threshold
    assert density["1"]["false_positives_per_image"]["value"] == 1
    assert density["4"]["n"] == {"patients": 1, "images": 1, "lesions": 0}
    assert density["4"]["sensitivity"]["value"] is None
    assert density["4"]["false_positives_per_image"]["value"] == 2


def test_lesions_are_grouped_one_by_one():
    made = _by_group(ROWS)
    assert list(made["pathology"]) == ["benign", "cancer"]
    assert made["pathology"]["benign"] == {
        "n": {"patients": 1, "images": 1, "lesions": 1},
        "sensitivity": {"value": 0.0, "low": None, "high": None},
    }
    assert made["pathology"]["cancer"]["sensitivity"]["value"] == 0.5
    assert made["lesion_size"]["10 to 20 % of the height"]["n"]["lesions"] == 3


def test_a_second_detection_on_a_lesion_counts_neither_way():
    group = _by_group([([(0.9, A), (0.8, A)], drawing.make_facts([A]))])["density"]["2"]
    assert (group["sensitivity"]["value"], group["false_positives_per_image"]["value"]) == (1, 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_groups_add_up_to_all(seed):
    random = np.random.default_rng(seed)
    rows = []
    for result in drawing.random_results(seed):
        fact = drawing.make_facts(
            result.truth_boxes_xyxy_px.tolist(),
            pathologies=(result.truth_classes + 1).tolist(),
            patient_id=result.patient_id,
            density=int(random.integers(0, 5)),
        )
        rows.append((list(zip(result.scores, result.boxes_xyxy_px.tolist(), strict=True)), fact))
    made = _by_group(rows, resamples=50)
    found: dict[str, float] = {}
    alarms: dict[str, float] = {}
    for kind, named in made.items():
        assert sum(group["n"]["lesions"] for group in named.values()) == sum(len(fact.pathologies) for _, fact in rows)
        found[kind] = sum((group["sensitivity"]["value"] or 0) * group["n"]["lesions"] for group in named.values())
        for group in named.values():
            if group["sensitivity"]["low"] is not None:
                assert 0 <= group["sensitivity"]["low"] <= group["sensitivity"]["high"] <= 1
            if "false_positives_per_image" in group:
                alarms.setdefault(kind, 0)
                alarms[kind] += group["false_positives_per_image"]["value"] * group["n"]["images"]
    assert list(found.values()) == pytest.approx([found["density"]] * 6)
    assert list(alarms.values()) == pytest.approx([alarms["density"]] * 4)


def test_facts_of_other_images_are_refused():
    with pytest.raises(ValueError, match=r"image\.png has 0 lesions, got 1"):
        detection_groups.by_group(
            [drawing.make_result([A])], [drawing.make_facts()], Rule("centre"), 0.5, resamples=0, seed=0
        )
