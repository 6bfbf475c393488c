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
