"""The program as a person runs it, on drawn exams."""

import json
import re

import pytest

from tests import programs

_STEPS = (
    "--config.input.batch_size=4",
    "--config.train_steps=2",
    "--config.optimizer.warmup_steps=1",
    "--config.log_every_steps=1",
)
_SMALL = (
    "--config.data.phantom_exams=16",
    "--config.data.phantom_height_px=256",
    "--config.data.height_px=128",
    "--config.data.width_px=96",
    "--config.model.pyramid_channels=8",
    "--config.model.max_levels=2",
    "--config.model.head_depth=1",
    *_STEPS,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One run with nothing given but its size, in the folder where a person stands."""
    folder = tmp_path_factory.mktemp("standing here")
    return folder, programs.start("mammo.train", "--stage=detector", *_SMALL, cwd=folder)


def test_with_nothing_given_it_draws_trains_evaluates_and_reports(trained):
    folder, ended = trained
    assert ended.returncode == 0, ended.stderr
    workdir = folder / "runs" / "detector"
    page = re.search(r"Wrote (.*report\.html) after", ended.stdout)
    assert page is not None
    assert page[1] == str(workdir / "report.html")
    report = json.loads((workdir / "report.json").read_text())
    assert report["data"]["is_phantom"]
    assert report["split"] == "test"
    assert report["n"]["images"] > 0
    assert "never" in (workdir / "report.html").read_text()  # of clinical worth
    assert json.loads((workdir / "config.json").read_text())["train_steps"] == 2
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert {row["step"] for row in rows} == {1, 2}
    assert "2/2" in ended.stderr  # steps, with rate and time left


def test_the_same_command_again_has_nothing_left_to_train(trained):
    folder, _ = trained
    ended = programs.run("mammo.train", "--stage=detector", *_SMALL, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert "Going on from step 2" in ended.stderr
    rows = (folder / "runs" / "detector" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [1, 2, 2]  # two of training, one of validation


def test_another_configuration_in_the_same_workdir_is_refused(trained):
    folder, _ = trained
    ended = programs.run("mammo.train", "--stage=detector", *_SMALL, "--config.seed=5", cwd=folder)
    assert ended.returncode == 1
    assert re.search(r"error: .*seed is 0 there, 5 here", ended.stderr)
    assert "Traceback" not in ended.stderr


def test_folds_are_all_judged_in_one_report(trained, tmp_path):
    shards_dir = trained[0] / "runs" / "detector" / "data" / "shards-128x96"
    given = ("--stage=crop_classifier", "--folds=2", f"--data_dir={shards_dir}", "--config.crop.side_px=32", *_STEPS)
    ended = programs.run("tests.mammo.models.with_short_darknet", "mammo.train", *given, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    workdir = tmp_path / "runs" / "crop_classifier"
    assert f"Wrote {workdir / 'report.html'} after" in ended.stdout
    report = json.loads((workdir / "report.json").read_text())
    manifest = json.loads((shards_dir / "manifest.json").read_text())
    dealt = [manifest["splits"][split] for split in ("train", "validation")]
    assert report["split"] == "2 folds"
    assert report["n"]["patients"] == sum(split["patients"] for split in dealt)
    assert report["n"]["images"] == sum(sum(split["crops"].values()) for split in dealt)
    assert report["time"].keys() == {"preparation_s", "training_s"}


@pytest.mark.parametrize(
    ("flag", "said", "status"),
    [
        ("--config.optimizer.learning_rat=1", 'Did you mean "learning_rate"', 2),
        ("--config.train_steps=many", "--config.train_steps=many", 2),
        ("--config=detektor", "no configuration 'detektor'", 2),
        ("--stage=detektor", "--stage=detektor", 2),
        ("--data_dir=nowhere", "nowhere", 1),
        ("--stage=tumour --config=detector", "--stage=tumour, but the configuration is of the stage 'detector'", 1),
        ("--config.devices=64", "--config.devices=64", 1),
        ("--folds=1", "--folds=1", 2),
        ("--folds=99", "patients cannot be dealt into --folds=99", 1),
        ("--folds=2 --config.model.weights=runs/detector/backbone.h5", "perhaps from patients of the folds", 1),
    ],
)
def test_a_persons_mistake_is_one_sentence(trained, tmp_path, flag, said, status):
    folder, _ = trained
    data = f"--data_dir={folder}/runs/detector/data/shards-128x96"
    given = [part.replace("=runs/", f"={folder}/runs/") for part in flag.split()]  # the folder's name has a space
    ended = programs.run("mammo.train", data, f"--workdir={tmp_path}/run", *_SMALL, *given, cwd=tmp_path)
    assert ended.returncode == status, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_configuration_of_no_stage_is_refused(tmp_path):
    ended = programs.run("mammo.train", "--config=comparison", cwd=tmp_path)
    assert ended.returncode == 1
    assert "--config is of no stage" in ended.stderr
    assert not list(tmp_path.iterdir())
