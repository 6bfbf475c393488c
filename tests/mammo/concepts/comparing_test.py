"""The whole comparison on phantoms, its models of two steps or as they were drawn: that it works, not what it finds."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from data_tools import preparation
from mammo import presets
from mammo.common.errors import InputError
from mammo.concepts import comparing, trained_models
from mammo.concepts.catalogue import BASELINE, CONCEPTS
from mammo.concepts.concept import Role
from mammo.config import comparison
from mammo.data.shards import Shards
from mammo.metrics import scoring
from mammo.reports import comparison as comparison_page
from tests.mammo.models import short_darknet
from tests.mammo.training import untrained

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_CLASSIFIERS = ("whole_image", "tumour", "malignancy", "crop_classifier")


@pytest.fixture(scope="module")
def config():
    made = presets.PRESETS["comparison"].get_config()
    made.data.update({"phantom_exams": 24, "phantom_height_px": 320, "height_px": 96, "width_px": 64})
    for model in made.models.values():
        model.optimizer.warmup_steps = 0
        model.train_steps, model.evaluate_every_steps, model.save_every_steps = 2, 2, 0
        model.input.batch_size, model.precision = 4, "float32"
    made.models.breast = made.models.malignancy.copy_and_resolve_references()
    for name in (*_CLASSIFIERS, "breast"):
        made.models[name].averaged_looks = 1
    made.models.crop_classifier.crop.side_px = 32
    return comparison.from_fields(made)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison")


@pytest.fixture(scope="module")
def shards(config, folder):
    return Shards.open(preparation.prepare(None, folder / "data", config.data))


@pytest.fixture(scope="module")
def breasts(folder, shards):
    return Shards.open(preparation.join(shards, folder / "data"))


@pytest.fixture(scope="module")
def before(config, folder, shards, breasts):
    """What an earlier call, which was stopped, has left."""
    for name in ("detector", "finder", "crop_classifier", "tumour", "whole_image", "breast"):
        data = breasts if name == "breast" else shards
        untrained.write(folder / "models" / name, config.models[name], config.data, data)
    return _checkpoints(folder)


def _checkpoints(folder):
    """The bytes of the checkpoints that `before` has left, by path."""
    files = (folder / "models").glob("*/checkpoints/*/*")
    return {path: path.read_bytes() for path in files if "malignancy" not in path.parts and path.is_file()}


@pytest.fixture(scope="module")
def page(config, folder, shards, breasts, before):
    source_dir = preparation.find_source(None, folder / "data")
    assert source_dir is not None
    models = comparing.train(config, shards, lambda: breasts, source_dir, folder)
    made = comparing.compare(config, models, shards, source_dir)
    return comparison_page.write(folder / "out", made.report, made.answers, shards)


@pytest.fixture(scope="module")
def report(page):
    return json.loads((page.parent / "report.json").read_text())


def test_every_concept_is_judged_on_the_same_images(report, shards):
    assert set(report["concepts"]) == {*CONCEPTS, "always_normal"}
    infos = shards.describe("test").values()
    for concept in report["concepts"].values():
        assert concept["n"] == {
            "patients": len({info.patient_id for info in infos}),
            "images": len(infos),
            "lesions": sum(len(info.pathologies) for info in infos),
        }
        for unit in scoring.UNITS:
            assert set(concept["auc"][unit]) == (
                {"tumour", "cancer"} if unit == "exam" else {"tumour", "cancer", "malignancy"}
            )
    assert {name for name, concept in report["concepts"].items() if "froc" in concept} == {
        "single_stage",
        "multi_stage",
        "joint",
    }


def test_answering_normal_to_everything_is_the_baseline(report):
    baseline, n = report["concepts"]["always_normal"], report["n"]
    normal = sum(baseline["confusion"]["counts"][0])
    assert baseline["accuracy"]["value"] == pytest.approx(normal / n["images"])
    assert baseline["auc"]["image"]["tumour"]["value"] == 0.5


def test_the_multi_stage_concept_is_held_against_each_other_one(report):
    differences = report["differences"]["multi_stage"]
    assert set(differences) == {*CONCEPTS, "always_normal"} - {"multi_stage"}
    own, other = (report["concepts"][name]["auc"]["image"]["tumour"]["value"] for name in ("multi_stage", "single"))
    assert differences["single"]["image"]["tumour"]["value"] == pytest.approx(own - other)


def test_the_page_shows_every_concept_and_says_what_phantoms_are(page):
    text = page.read_text()
    for concept in (*CONCEPTS.values(), BASELINE):
        assert concept.title in text
    assert "These images are phantoms" in text
    assert "not a medical device" in text
    identifiers = [part.partition('"')[0] for part in text.split('<image id="')[1:]]
    assert len(identifiers) == len(set(identifiers)) > 5


def test_every_model_tells_of_the_data_that_was_drawn(report):
    assert {model["data"]["phantom_exams"] for model in report["config"].values()} == {24}


def test_files_that_are_missing_are_told_before_anything_is_trained(config, shards, tmp_path):
    with pytest.raises(InputError, match="is missing, which the shards were made of"):
        comparing.train(config, shards, pytest.fail, tmp_path, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_configuration_that_lacks_a_model_is_refused(config, shards, tmp_path):
    for missing in ("finder", "tumour"):  # of the multi-stage concept; of another, whose second model is there
        models = {name: model for name, model in config.models.items() if name != missing}
        lacking = dataclasses.replace(config, models=models, backbone_from={})
        with pytest.raises(InputError, match=r"must have those of whole concepts.*multi_stage takes finder"):
            comparing.train(lacking, shards, pytest.fail, tmp_path, tmp_path / "runs")


def test_a_model_of_another_stage_than_its_concept_asks_is_refused(config, shards, tmp_path):
    models = {**config.models, "breast": config.models["tumour"]}
    with pytest.raises(InputError, match=r"--config\.models\.breast is a tumour, not a malignancy"):
        comparing.train(dataclasses.replace(config, models=models), shards, pytest.fail, tmp_path, tmp_path / "runs")


def test_concepts_are_compared_whose_models_a_configuration_has(config):
    two_models = {name: config.models[name] for name in ("finder", "crop_classifier")}
    assert list(comparing.compared(dataclasses.replace(config, models=two_models, backbone_from={}))) == [
        "multi_stage",
        "always_normal",
    ]
    without_breast = {name: model for name, model in config.models.items() if name != "breast"}
    left_out = set(CONCEPTS) - set(comparing.compared(dataclasses.replace(config, models=without_breast)))
    assert left_out == {"joint"}


def test_malignancy_begins_with_the_backbone_of_the_tumour_classifier(page, report, folder):
    assert report["models"]["malignancy"]["weights"] == "backbone of tumour"
    assert report["models"]["tumour"]["weights"] == "none"
    own = json.loads((folder / "models" / "malignancy" / "config.json").read_text())["model"]["weights"]
    assert own == str(folder / "models" / "tumour" / "backbone.h5")
    assert "backbone of tumour" in page.read_text()


def test_a_model_is_asked_when_the_backbone_it_began_with_is_gone(page, config, folder, shards, tmp_path):
    moved = tmp_path / "malignancy"
    shutil.copytree(folder / "models" / "malignancy", moved)
    own = json.loads((moved / "config.json").read_text())
    own["model"]["weights"] = str(tmp_path / "gone" / "backbone.h5")
    (moved / "config.json").write_text(json.dumps(own))
    answers = [
        trained_models.open_model(trained_models.find([path], shards)[Role.MALIGNANCY]).predict(shards, "test").values
        for path in (folder / "models" / "malignancy", moved)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)


def test_what_was_trained_before_is_not_trained_again(page, folder, before):
    assert _checkpoints(folder) == before != {}
    assert (folder / "models" / "malignancy" / "metrics.jsonl").is_file()
