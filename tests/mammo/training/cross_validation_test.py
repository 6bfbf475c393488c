import json
import logging

import pytest

from data_tools import folds
from mammo.data.shards import Shards
from mammo.reports import run as reports
from mammo.training import cross_validation, workdir
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

CONFIG = disc_shards.config("crop_classifier", crop__side_px=32, train_steps=2, evaluate_every_steps=1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 11, "validation": 6, "test": 3})


@pytest.fixture(scope="module")
def shards_dirs(shards, tmp_path_factory):
    return folds.deal(shards, tmp_path_factory.mktemp("run") / "folds", 2)


@pytest.fixture(scope="module")
def ran(shards_dirs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("workdir")
    return folder, cross_validation.run(CONFIG, shards_dirs, folder)


def test_every_patient_is_judged_once_by_a_model_that_has_not_seen_it(ran, shards, shards_dirs):
    folder, pooled = ran
    infos = [info for split in folds.DEALT for info in shards.crops.describe(split).values()]
    assert pooled.evaluator.report()["n"] == {
        "patients": 17,
        "images": 17,
        "lesions": sum(info.label > 0 for info in infos),
    }
    assert pooled.evaluator.image_count == 17
    assert pooled.training_s > 0
    for number, shards_dir in enumerate(shards_dirs, start=1):
        plan = json.loads((folder / f"fold-{number}" / "plan.json").read_text())
        assert plan["data"]["manifest_sha256"] == Shards.open(shards_dir).manifest_sha256


def test_a_fold_is_evaluated_at_the_end_alone(ran):
    folder, _ = ran
    for number in (1, 2):
        rows = [json.loads(row) for row in (folder / f"fold-{number}" / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows if "loss/total" in row] == [1, 2]
        assert [row["step"] for row in rows if "loss/total" not in row] == [2]


def test_the_report_is_of_all_folds_together(ran, shards, tmp_path):
    _, pooled = ran
    page = reports.write_pooled(tmp_path, pooled, 2, shards, {"training_s": pooled.training_s})
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["split"], report["n"]["images"]) == ("2 folds", 17)
    # As it was run: on what there is here, and evaluated at the end alone.
    assert report["config"] == workdir.to_json(pooled.config)
    assert (report["config"]["devices"], report["config"]["evaluate_every_steps"]) == (1, 0)
    assert not report["data"]["is_training_data"]
    assert report["data"]["manifest_sha256"] == shards.manifest_sha256
    assert report["auc"] == json.loads(json.dumps(pooled.evaluator.report()["auc"]))
    assert "2 folds" in page.read_text()
    assert "not a medical device" in page.read_text()


def test_the_same_again_trains_nothing_anew(ran, shards_dirs, caplog):
    folder, pooled = ran
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoints/*/*")}
    with caplog.at_level(logging.INFO):
        again = cross_validation.run(CONFIG, shards_dirs, folder)
    assert caplog.text.count("Going on from step 2") == 2
    assert again.evaluator.report() == pooled.evaluator.report()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoints/*/*")} == before != {}
