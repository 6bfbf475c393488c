"""What the program refuses before anything is made, and that workers go through it together."""

import json
import runpy

import pytest

from data_tools import preparation
from mammo.config import comparison
from mammo.data.shards import Shards
from mammo.training import cluster
from tests import programs
from tests.mammo.training import untrained

_TWO_MODELS = """
from configs import comparison

def get_config():
    config = comparison.get_config()
    for name in set(config.models) - {"finder", "crop_classifier"}:
        del config.models[name]
    config.backbone_from = type(config)()
    config.data.update({"phantom_exams": 24, "phantom_height_px": 320, "height_px": 96, "width_px": 64})
    for model in config.models.values():
        model.precision = "float32"
    return config
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config=detector"], "--config is not that of a comparison; give one like configs/comparison.py"),
        (["--config.models.singel.train_steps=3"], "singel"),
        (["--data_dir=nowhere"], "nowhere"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_sentence(arguments, said, tmp_path):
    ended = programs.run("mammo.compare", *arguments, cwd=tmp_path)
    assert ended.returncode in (1, 2)
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "runs" / "comparison" / "models").exists()


def test_shards_alone_do_not_do_for_the_second_look(tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "manifest.json").write_text("{}")
    ended = programs.run("mammo.compare", "--data_dir=shards", cwd=tmp_path)
    assert ended.returncode == 1
    assert "give their folder as --source_dir" in ended.stderr


def test_two_workers_meet_for_each_model_and_the_chief_judges(tmp_path):
    (tmp_path / "two_models.py").write_text(_TWO_MODELS)
    config = comparison.from_fields(runpy.run_path(str(tmp_path / "two_models.py"))["get_config"]())
    shards = Shards.open(preparation.prepare(None, tmp_path / "run/data", config.data))
    for name, model in config.models.items():  # as an earlier call has left them: to learn takes a minute
        untrained.write(tmp_path / "run/models" / name, model, config.data, shards)
    workers = []
    for each in cluster.on_this_machine(2):
        log = tmp_path / f"{each.index}.log"
        told = {"TF_CONFIG": each.tf_config()}
        flags = (f"--config={tmp_path}/two_models.py", "--workdir=run")
        workers.append((programs.begin("mammo.compare", *flags, stdout=log, stderr=log, cwd=tmp_path, more=told), log))
    for worker, log in workers:
        assert worker.wait() == 0, log.read_text()
    chiefs, others = (log.read_text() for _, log in workers)
    assert others.count("[worker 1 of 2] All 2 workers are here") == 2
    assert ("report.html" in chiefs, "report.html" in others) == (True, False)
    report = json.loads((tmp_path / "run/report.json").read_text())
    assert set(report["models"]) == {"finder", "crop_classifier"}
    for name in report["models"]:
        assert json.loads((tmp_path / f"run/models/{name}/config.json").read_text())["workers"] == 2
