"""What the program refuses before anything is made; `comparison/comparing_test` has it compare."""

import pytest

from tests import programs


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
