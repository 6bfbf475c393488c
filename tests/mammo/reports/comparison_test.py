import re

import numpy as np
import pytest

from mammo.concepts.catalogue import BASELINE
from mammo.concepts.comparing import ComparisonReport
from mammo.metrics import classification, froc, scoring, thresholds
from mammo.metrics.matching import Rule
from mammo.reports import comparison, mistakes
from tests.mammo.metrics import drawing

RESAMPLES = 20


def _concept(seed, title, **more):
    scored = drawing.random_scored(seed)
    points = {
        unit: {
            task: {
                name: thresholds.apply(cases, value, resamples=RESAMPLES, seed=0)
                for name, value in thresholds.choose(cases).items()
            }
            for task, cases in scoring.aggregate(scored, unit).cases.items()
        }
        for unit in scoring.UNITS
    }
    figures = classification.report(scored, resamples=RESAMPLES)
    fields = {"title": title, "rule": "A rule.", "models": ["whole"], "training_s": 90.0, "operating_points": points}
    return {**fields, **figures, **more}


@pytest.fixture(scope="module")
def report() -> ComparisonReport:
    events = froc.collect(drawing.random_results(0), Rule("centre"))
    curve = {"centre": froc.summarise(events, resamples=RESAMPLES, seed=0)}
    concepts = {
        "first": _concept(0, "the first", froc=curve),
        "second": _concept(1, "the <second>"),
        BASELINE.name: _concept(2, "always normal", models=[]),
    }
    difference = {"value": 0.25, "low": 0.125, "high": 0.375, "p_value": 0.0004}
    of_units = {unit: dict.fromkeys(("cancer", "tumour"), difference) for unit in scoring.UNITS}
    described = {"stage": "s", "backbone": "b", "weights": "w", "train_steps": 1200, "batch_size": 2, "training_s": 60}
    made: dict = {
        "data": {"source": "phantom", "is_phantom": True},
        "split": "test",
        "n": {"patients": 12, "images": 48, "lesions": 20},
        "concepts": concepts,
        "differences": {"first": {"second": of_units}},
        "models": {"whole": described},
        "time": {"training_s": 60.0},
        "config": {},
    }
    return made  # type: ignore[return-value]


def _text(page):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))


def test_the_page_shows_every_concept_with_its_figures_and_the_differences(report):
    text = _text(comparison.render(report, {}))
    for name in ("the first", "the &lt;second&gt;", "always normal"):
        assert name in text
    area = report["concepts"]["second"]["auc"]["exam"]["cancer"]
    assert f"{area['value']:.2f} {area['low']:.2f} to {area['high']:.2f}" in text
    assert "+0.25 +0.12 to +0.38 p &lt; 0.001" in text or "+0.25 +0.12 to +0.38 p < 0.001" in text
    point = report["concepts"]["first"]["operating_points"]["exam"]["cancer"]["screening"]
    assert f"{point['threshold']:.3f} {point['sensitivity']['value']:.3f}" in text
    assert "1,200" in text
    assert "These images are phantoms" in text


def test_the_page_shows_the_pictures_of_a_concept(report):
    scored = drawing.random_scored(0)
    chapters = mistakes.gallery(scored, range(48), lambda key: np.zeros((400, 400), np.float32))
    page = comparison.render(report, {"first": chapters})
    assert all(picture.svg in page for chapter in chapters for picture in chapter.pictures)
    assert sum(len(chapter.pictures) for chapter in chapters) > 0
