"""Some seconds of fuzzing for each reader: enough to see that a reader is fuzzed at all, and what breaks at once."""

import pytest

from tests import programs
from tests.fuzz.fuzz import READERS


@pytest.mark.parametrize("reader", sorted(READERS))
def test_a_reader_ends_well_or_with_a_sentence(tmp_path, reader):
    ended = programs.run(
        "tests.fuzz.fuzz", f"--reader={reader}", "--seconds=2", f"--output_dir={tmp_path}", cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "stat::number_of_executed_units" in ended.stderr
    assert not list(tmp_path.glob(f"{reader}-*"))
