import json

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
