import json
import statistics

import pytest
import tensorflow as tf

from mammo.benchmarks import step
from mammo.models import backbones
from tests import programs


def test_the_figures_of_conversion_are_printed_and_kept(tmp_path):
    ended = programs.run("mammo.benchmark", "--what=convert", "--exams=1", "--repeats=1", f"--output_dir={tmp_path}")
    assert ended.returncode == 0, ended.stderr
    figures = json.loads((tmp_path / "benchmark.json").read_text())["convert"]
    assert figures["views"] == 4
    assert 0 < figures["decoding_share"] < 1
    assert figures["speed_up"] > 0
    assert 50 < figures["peak_memory_mib"] < 20_000
    assert "decoding_share" in ended.stdout


def test_the_figures_of_the_input_are_printed_and_kept(tmp_path):
    arguments = ("--what=input", "--exams=1", "--repeats=1", "--encoding=raw", f"--output_dir={tmp_path}")
    ended = programs.run("mammo.benchmark", *arguments)
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


def _tiny_backbone(name, weights, height_px, width_px, batch_norm_momentum):
    images = tf.keras.Input((height_px, width_px, 1))
    levels, strides = [images], {"P3": 8, "P4": 2, "P5": 2}
    for level, stride in strides.items():
        levels.append(tf.keras.layers.Conv2D(8, stride, strides=stride, name=level)(levels[-1]))
    model = tf.keras.Model(images, levels[1:], name="backbone")
    model.pyramid_level_inputs = {level: level for level in strides}
    return model


def test_steps_are_measured_alone_with_their_input_and_against_keras_cv(monkeypatch, bfloat16_policy):
    monkeypatch.setattr(backbones, "build", _tiny_backbone)
    figures = step.measure(exams=1, repeats=2, height_px=128, width_px=128, batch_size=1, seconds=0.2)
    assert tf.keras.mixed_precision.global_policy().name == "mixed_bfloat16"  # as it was
    assert figures.precision == "bfloat16" or not figures.has_amx
    rates = [value for name, value in vars(figures).items() if name.endswith("images_per_second")]
    assert [len(rate) for rate in rates] == [2] * 5
    slower = [min(pair) for pair in zip(figures.input_images_per_second, figures.step_images_per_second, strict=True)]
    shares = [one / other for one, other in zip(figures.together_images_per_second, slower, strict=True)]
    assert figures.together_share == pytest.approx(statistics.median(shares))
    assert figures.step_speed_up < figures.preset_speed_up  # that network has a quarter of the channels
    assert 0 < figures.loop_share < 1
