import contextlib
import json
import statistics

import pytest
import tensorflow as tf

from mammo.benchmarks import conversion, keras_cv_retinanet, step
from tests import programs
from tests.mammo.models import short_darknet, short_efficientnet


def test_conversion_is_measured_with_one_worker_and_with_two():
    figures = conversion.measure(exams=1, repeats=1, height_px=600, width_px=500)
    assert figures.views == 4
    assert 0 < figures.decoding_share < 1
    assert figures.speed_up == figures.seconds_one_worker[0] / figures.seconds_two_workers[0]
    assert 50 < figures.peak_memory_mib < 20_000


def test_the_figures_of_the_input_are_printed_and_kept(tmp_path):
    arguments = ("--what=input", "--exams=1", "--repeats=1", "--encoding=raw", "--seconds=0.1")
    ended = programs.run("mammo.benchmark", *arguments, f"--output_dir={tmp_path}")
    assert ended.returncode == 0, ended.stderr
    (what, figures), *others = json.loads((tmp_path / "benchmark.json").read_text()).items()
    assert (what, others) == ("input", [])
    assert figures["encoding"] == "raw"
    assert 1280 < figures["kib_per_image"] < 1290  # 1024 × 640 × 2 bytes, and what is known of the image
    assert figures["speed_up"] == figures["images_per_second"][0] / figures["study_images_per_second"][0]
    assert "speed_up" in ended.stdout


def test_what_cannot_be_measured_is_told_before_anything_is_measured():
    ended = programs.run("mammo.benchmark", "--what=convert,speed")
    assert ended.returncode == 2
    assert "convert, input, step" in ended.stderr


@pytest.fixture
def bfloat16_policy():
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    tf.keras.mixed_precision.set_global_policy(before)


@pytest.fixture
def short_networks(monkeypatch):
    """Has all networks take a moment to trace; KerasCV's heads are not to be had shorter, so that its fit is eager."""
    monkeypatch.setattr(step, "_KERAS_CV_LEVELS", 2)
    monkeypatch.setattr(step, "_KERAS_CV_HEAD_DEPTH", 1)
    monkeypatch.setattr(step, "_KERAS_CV_CHANNELS", 8)
    compile_with = keras_cv_retinanet.compile_with

    def compile_eager(model, optimizer):
        compile_with(model, optimizer)
        model.run_eagerly = True

    monkeypatch.setattr(keras_cv_retinanet, "compile_with", compile_eager)
    with (
        contextlib.contextmanager(short_darknet.in_place_of_csp_darknets)(),
        contextlib.contextmanager(short_efficientnet.in_place_of_b0)(),
    ):
        yield


def test_steps_are_measured_alone_with_their_input_and_against_keras_cv(short_networks, bfloat16_policy):
    figures = step.measure(exams=1, repeats=2, height_px=64, width_px=64, batch_size=1, seconds=0.01)
    assert tf.keras.mixed_precision.global_policy().name == "mixed_bfloat16"  # as it was
    assert figures.precision == "bfloat16" or not figures.has_amx
    rates = [value for name, value in vars(figures).items() if name.endswith("images_per_second")]
    assert [len(rate) for rate in rates] == [2] * 5
    slower = [min(pair) for pair in zip(figures.input_images_per_second, figures.step_images_per_second, strict=True)]
    for share, ones, others in (
        (figures.together_share, figures.together_images_per_second, slower),
        (figures.step_speed_up, figures.equal_images_per_second, figures.keras_cv_images_per_second),
        (figures.preset_speed_up, figures.step_images_per_second, figures.keras_cv_images_per_second),
    ):
        shares = [one / other for one, other in zip(ones, others, strict=True)]
        assert share == pytest.approx(statistics.median(shares))
    assert 0 < figures.loop_share < 1
