"""The program as a person runs it, on a run that has ended."""

import json

import pytest

from mammo.config.data import DataConfig
from mammo.training import telemetry
from tests import programs
from tests.mammo.training import disc_shards, untrained


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Workdir and shards of a run that says it made two steps."""
    folder = tmp_path_factory.mktemp("standing here") / "runs" / "detector"
    shards = disc_shards.write(folder / "data" / "shards-64x64", {"train": 12, "validation": 6, "test": 3})
    untrained.write(folder, disc_shards.config(train_steps=2), DataConfig(), shards)
    rows = [{"step": 1, "loss/total": 2.0}, {"step": 2, "loss/total": 1.5}]
    (folder / telemetry.METRICS_FILE).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder, shards


def test_with_nothing_given_it_evaluates_the_run_where_a_person_stands(finished):
    folder, _ = finished
    ended = programs.start("mammo.evaluate", cwd=folder.parents[1])
    assert ended.returncode == 0, ended.stderr
    report = json.loads((folder / "evaluation-test" / "report.json").read_text())
    assert report["split"] == "test"
    assert report["n"] == {"patients": 3, "images": 3, "lesions": 2}
    assert str(folder / "evaluation-test" / "report.html") in ended.stdout
    assert report["data"]["is_training_data"]
    assert "Loss" in (folder / "evaluation-test" / "report.html").read_text()  # the curves of training


def test_another_split_goes_where_it_is_wanted(finished, tmp_path):
    folder, shards = finished
    flags = (f"--workdir={folder}", f"--data_dir={shards.folder}", "--split=validation", f"--output_dir={tmp_path}/out")
    ended = programs.run("mammo.evaluate", *flags)
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "out" / "report.json").read_text())["n"]["images"] == 6


def test_a_detector_is_evaluated_on_data_that_it_never_saw(finished, tmp_path):
    folder, _ = finished
    other = disc_shards.write(tmp_path / "shards", {"train": 3, "test": 6}, radii_px={1: 3, 2: 20})
    flags = (f"--model={folder}", f"--data_dir={other.folder}", f"--output_dir={tmp_path}/out", "--precision=bfloat16")
    ended = programs.run("mammo.evaluate", *flags)
    assert ended.returncode == 0, ended.stderr
    assert "the model on other data" in ended.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert not report["data"]["is_training_data"]
    assert report["n"] == {"patients": 6, "images": 6, "lesions": 4}
    assert set(report["froc"]["centre"]["sensitivity_at"]) >= {"1", "8"}


def test_views_of_another_size_are_refused_with_the_flags_that_make_them_fit(finished, tmp_path):
    folder, _ = finished
    large = disc_shards.write(tmp_path / "shards", {"train": 3, "test": 3}, side_px=96)
    ended = programs.run("mammo.evaluate", f"--workdir={folder}", f"--data_dir={large.folder}")
    assert ended.returncode == 1
    assert "holds views of 96 x 96 px, but the model takes 64 x 64 px" in ended.stderr
    assert "convert the data with --height=64 --width=64." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("flags", "said", "status"),
    [
        (["--workdir=nowhere"], "nowhere has no plan.json", 1),
        (["--workdir=nowhere", "--data_dir={shards}"], "nowhere has no plan.json", 1),
        (["--model=comparison"], "is of a comparison; give one of its models", 1),
        (["--workdir=nowhere", "--model=nowhere"], "--workdir and --model are both given", 1),
        (["--split=train"], "--split=train", 2),
    ],
)
def test_a_persons_mistake_is_one_sentence(finished, tmp_path, flags, said, status):
    (tmp_path / "comparison" / "models" / "detector").mkdir(parents=True)
    given = [flag.format(shards=finished[1].folder) for flag in flags]
    ended = programs.run("mammo.evaluate", *given, cwd=tmp_path)
    assert ended.returncode == status
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
