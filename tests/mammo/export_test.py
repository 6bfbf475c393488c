"""What the program refuses before anything is made; `exporting/exporting_test` has it export."""

import pytest

from tests import programs


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--workdir=nowhere"], 1, "nowhere holds no data of its own; give the --data_dir that it was trained on"),
        (["--workdir="], 1, "--workdir is empty"),
        (["--concept=best"], 2, "multi_stage"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_sentence(arguments, status, said, tmp_path):
    ended = programs.run("mammo.export", *arguments, cwd=tmp_path)
    assert ended.returncode == status
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
