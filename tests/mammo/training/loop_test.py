"""A run that is stopped anywhere and goes on ends as if it had never been stopped."""

import dataclasses
import json
import logging
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError, StoppedError
from mammo.models import backbones
from mammo.reports import run as run_lib
from mammo.stages import stages
from mammo.stages.stage import WHOLE_RUN, Phase
from mammo.training import loop, steps, workdir
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_csp_darknet = backbones._csp_darknet
_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 24, "validation": 7, "test": 5})


@pytest.fixture(scope="module")
def uninterrupted(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    evaluation, _ = loop.train(disc_shards.config(train_steps=5), shards, folder)
    return folder, evaluation


def _weights(folder):
    checkpoint = tf.train.load_checkpoint(str(folder / "checkpoints" / "last"))
    return {
        name: checkpoint.get_tensor(name)
        for name in checkpoint.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in name and "seconds" not in name
    }


def _steps(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if "loss/total" in row]


class _KilledError(Exception):
    pass


def _train_and_die_after(monkeypatch, config, shards, folder, calls, how):
    """Trains until some calls of the steps were made; then `how` happens in the middle of the run."""
    make = steps.make_run_steps

    def make_mortal(*arguments):
        run_steps, made = make(*arguments), 0

        def run(*arguments):
            nonlocal made
            if made == calls:
                how()
            made += 1
            return run_steps(*arguments)

        return run

    with monkeypatch.context() as patched:
        patched.setattr(steps, "make_run_steps", make_mortal)
        loop.train(config, shards, folder)


def _die():
    raise _KilledError


def _terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_run_that_is_killed_and_terminated_goes_on_and_ends_in_the_same_bits(
    shards, uninterrupted, monkeypatch, tmp_path
):
    config = disc_shards.config(train_steps=5)
    with pytest.raises(_KilledError):  # at step 3; the last checkpoint is of step 2
        _train_and_die_after(monkeypatch, config, shards, tmp_path, 3, _die)
    with pytest.raises(StoppedError, match=r"Stopped at step 3 of 5") as stopped:
        _train_and_die_after(monkeypatch, config, shards, tmp_path, 0, _terminate)
    assert stopped.value.signal_number == signal.SIGTERM
    loop.train(config, shards, tmp_path)
    expected, resumed = _weights(uninterrupted[0]), _weights(tmp_path)
    assert expected.keys() == resumed.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)
    assert _steps(tmp_path) == _steps(uninterrupted[0])


def test_a_frozen_backbone_is_learnt_from_its_phase_on_and_a_run_goes_on_across_the_border(
    shards, uninterrupted, tmp_path, monkeypatch
):
    weights = str(uninterrupted[0] / "backbone.h5")  # the features of a detector
    config = disc_shards.config(
        "tumour", model__weights=weights, transfer__frozen_steps=2, save_every_steps=1, averaged_looks=1
    )  # four steps
    initial = stages.from_config(config, shards).build_initial_model().get_layer("backbone")
    with pytest.raises(_KilledError):
        _train_and_die_after(monkeypatch, config, shards, tmp_path / "killed", 2, _die)
    frozen = _of_backbone(tmp_path / "killed")
    assert frozen == sorted(weight.tobytes() for weight in initial.get_weights())

    loop.train(config, shards, tmp_path / "killed")
    loop.train(config, shards, tmp_path / "whole")
    gone_on, whole = _weights(tmp_path / "killed"), _weights(tmp_path / "whole")
    for name in whole:
        np.testing.assert_array_equal(gone_on[name], whole[name], err_msg=name)
    learnt = set(_of_backbone(tmp_path / "whole")) - set(frozen)
    assert len(learnt) == len(initial.trainable_weights) > 0  # statistics of batch normalisation are kept


def _of_backbone(folder):
    return sorted(
        weight.tobytes()
        for name, weight in _weights(folder).items()
        if name.startswith("state/model/layer_with_weights-0/")
    )


def test_a_run_begins_with_its_solved_head_and_goes_on_without_solving_it_again(
    shards, uninterrupted, tmp_path, caplog
):
    changes = {"crop__side_px": 32, "crop__contexts": (1.0, 2.0), "model__head": "linear", "transfer__head_c": 0.1}
    weights = str(uninterrupted[0] / "backbone.h5")
    config = disc_shards.config(
        "crop_classifier", model__weights=weights, optimizer__learning_rate=1e-9, train_steps=1, **changes
    )  # so slow that nothing is learnt
    stage = stages.from_config(config, shards)
    expected = stage.build_initial_model()
    drawn = expected.get_layer("logits").get_weights()
    stage.solve_head(expected)
    for train_steps in (1, 2):
        with caplog.at_level(logging.INFO):
            evaluation, _ = loop.train(dataclasses.replace(config, train_steps=train_steps), shards, tmp_path)
    assert caplog.text.count("Going on from step 1") == caplog.text.count("The head was solved on 24 images") == 1
    for name in ("statistics", "logits"):
        for made, solved in zip(
            *(model.get_layer(name).get_weights() for model in (evaluation.model, expected)), strict=True
        ):
            np.testing.assert_allclose(made, solved, atol=1e-5)
    assert np.abs(drawn[0] - expected.get_layer("logits").get_weights()[0]).max() > 0.01


def test_it_notes_each_step_and_keeps_the_best(uninterrupted):
    folder, _ = uninterrupted
    rows = _steps(folder)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(np.isfinite(row["loss/total"]) for row in rows)
    assert tf.train.latest_checkpoint(str(folder / "checkpoints" / "best"))
    assert list((folder / "tensorboard").iterdir())


def test_a_network_of_real_depth_is_trained_evaluated_and_kept(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "_csp_darknet", _csp_darknet)
    evaluation, _ = loop.train(disc_shards.config(train_steps=2, evaluate_every_steps=2), shards, tmp_path)
    assert sum(weight.shape.rank == 4 for weight in evaluation.model.trainable_weights) > 30  # convolutions
    first, second = _steps(tmp_path)
    assert np.isfinite([first["loss/total"], second["loss/total"]]).all()
    kept = tf.train.load_checkpoint(str(tmp_path / "checkpoints" / "best"))
    assert len(kept.get_variable_to_shape_map()) > len(evaluation.model.weights)


def test_the_report_of_a_run_holds_every_image_of_the_test_split_once(shards, uninterrupted):
    folder, evaluation = uninterrupted
    page = run_lib.write(folder, evaluation, shards, workdir.to_json(disc_shards.config()), {"training_s": 1.0}, folder)
    report = json.loads((folder / "report.json").read_text())
    assert report["n"] == {"patients": 5, "images": 5, "lesions": 3}
    assert set(report["froc"]["centre"]["sensitivity_at"]) == {"0.125", "0.25", "0.5", "1", "2", "4", "8"}
    assert not report["data"]["is_phantom"]
    assert "not a medical device" in page.read_text()


def test_a_loss_that_is_not_finite_stops_the_run_with_its_step_and_images(shards, tmp_path):
    config = disc_shards.config(optimizer__learning_rate=1e30, optimizer__clip_norm=0.0, optimizer__warmup_steps=0)
    with pytest.raises(InputError, match=r"gradient of step [234] is not finite; its images: train_\d+\.png \("):
        loop.train(config, shards, tmp_path)


def test_a_shard_damaged_while_training_is_named(shards, tmp_path):
    broken = disc_shards.write(tmp_path / "shards", {"train": 24, "validation": 6, "test": 6})
    path = broken.files("train")[0].path
    broken.describe("train")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name} is damaged in record \d+"):
        loop.train(disc_shards.config(train_steps=20, log_every_steps=20), broken, tmp_path / "run")


@pytest.mark.parametrize(
    ("step_number", "expected", "more"),
    [
        (0, 20, {}),
        (10, 10, {}),
        (40, 10, {}),
        (95, 5, {}),
        (20, 10, {"histograms_every_steps": 30}),
        (0, 5, {"profile": (5, 8)}),
        (5, 3, {"profile": (5, 8)}),
        (0, 100, {"log_every_steps": 0, "evaluate_every_steps": 0}),
        (40, 7, {"second_phase": 47}),
    ],
)
def test_calls_end_where_something_is_due(step_number, expected, more):
    intervals = {"log_every_steps": 20, "evaluate_every_steps": 50, "save_every_steps": 0, "histograms_every_steps": 0}
    phases = (*WHOLE_RUN, Phase(more.get("second_phase", 0), 0.1))
    changes = {name: value for name, value in {**intervals, **more}.items() if name != "second_phase"}
    config = disc_shards.config(train_steps=100, **changes)
    assert loop._steps_until_due(config, phases, step_number) == expected


def test_xla_compiles_several_replicas_with_a_batch_normalisation_of_their_own():
    loop._check(disc_shards.config(xla=True), replicas=1)
    loop._check(disc_shards.config(xla=True, model__batch_norm="replica"), replicas=2)
    with pytest.raises(InputError, match=r"give --config\.model\.batch_norm=replica, --config\.devices=1 or"):
        loop._check(disc_shards.config(xla=True), replicas=2)


def test_a_test_split_that_cannot_be_used_is_told_before_training(tmp_path):
    without = disc_shards.write(tmp_path / "shards", {"train": 6, "validation": 3})
    with pytest.raises(InputError, match=r"has no views in the split 'test'"):
        loop.train(disc_shards.config(), without, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
