"""A run against KerasCV's own training, on discs, for a moment each."""

import json

import pytest

from mammo.benchmarks import learning
from mammo.common.errors import InputError
from mammo.reports import run
from mammo.training import loop, workdir
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that has ended, and its shards."""
    folder = tmp_path_factory.mktemp("run")
    shards = disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 12, "validation": 6, "test": 9})
    config = disc_shards.config(train_steps=2)
    workdir.settle_config(folder, config, shards)
    evaluation, _ = loop.train(config, shards, folder)
    run.write(folder, evaluation, shards, workdir.to_json(config), {"training_s": 1.5}, folder)
    return folder, shards


def test_each_rival_trains_as_long_as_the_run_and_is_judged_on_the_same_images(finished, tmp_path):
    folder, shards = finished
    figures = learning.measure(folder, shards.folder, ["keras_cv_loss", "keras_cv"], output_dir=tmp_path)
    assert list(figures.outcomes) == ["ours", "keras_cv_loss", "keras_cv"]
    assert figures.n == json.loads((folder / "report.json").read_text())["n"]
    ours, *rivals = figures.outcomes.values()
    assert (ours.updates, ours.seconds) == (2, 1.5)
    assert all(rival.seconds >= 1.5 and rival.updates >= 1 for rival in rivals)
    reported = json.loads((folder / "report.json").read_text())["froc"]["centre"]
    assert ours.score == reported["score"]  # the best weights came back
    picture = (tmp_path / "froc.svg").read_text()
    assert all(name in picture for name in ("the run", "KerasCV's RetinaNet and fit"))


def test_a_rival_that_there_is_none_of_and_a_run_that_has_not_ended_are_refused(finished, tmp_path):
    folder, shards = finished
    with pytest.raises(InputError, match=r"no rival 'torch'; it is one of keras_cv_loss, keras_cv"):
        learning.measure(folder, shards.folder, ["torch"])
    config = workdir.settle_config(tmp_path, disc_shards.config(), shards)
    workdir.settle_plan(tmp_path, config, shards)
    with pytest.raises(InputError, match=r"has no report\.json; let the run come to its end"):
        learning.measure(tmp_path, shards.folder, ["keras_cv"])
