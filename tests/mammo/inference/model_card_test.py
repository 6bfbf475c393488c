import dataclasses

import pytest

from mammo.inference import model_card
from mammo.inference.bundle_facts import DataFacts
from mammo.metrics import classification
from tests.mammo.inference import bright_disc
from tests.mammo.metrics import drawing

TRAINED = {"detector": {"stage": "detector", "backbone": "tiny", "weights": "", "train_steps": 1200, "batch_size": 2}}


@pytest.fixture(scope="module")
def facts():
    data: DataFacts = {
        "source": "phantom",
        "is_phantom": True,
        "manifest_sha256": "abc",
        "patients": {"train": 30, "test": 12},
    }
    return bright_disc.make_facts(data=data)


def _render(facts, **changed):
    measured = classification.report(drawing.random_scored(0), resamples=20)
    return measured, model_card.render(dataclasses.replace(facts, **changed), measured, TRAINED)


def test_the_card_gives_the_measured_figures_with_intervals_and_counts(facts):
    measured, card = _render(facts)
    area = measured["auc"]["exam"]["cancer"]
    assert f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})" in card
    assert "48 images of 12 patients" in card
    group = measured["by"]["density"]["1"]
    assert f"| density | 1 | {group['n']['images']} | {group['auc']['cancer']['value']:.3f}" in card
    assert "| detector | detector | tiny |  | 1,200 | 2 |" in card
    assert "| screening | 0.3000 | 0.900 (0.800 to 1.000)" in card
    assert "33 % of the exams of the test" in card


def test_the_card_warns_of_what_the_model_is_not_and_of_phantoms(facts):
    assert "not a medical device" in _render(facts)[1]
    for is_phantom in (True, False):
        card = _render(facts, data={**facts.data, "is_phantom": is_phantom})[1]
        assert ("phantoms, which a program drew" in card) == is_phantom


def test_without_an_operating_point_there_is_no_prevalence(facts):
    assert "of the exams of the test" not in _render(facts, operating_points={})[1]
