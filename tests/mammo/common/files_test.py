import errno
import hashlib
import subprocess
import sys

import pytest

from mammo.common import files
from tests import programs


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "figures.json"
    with files.replacing(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [entry.name for entry in tmp_path.iterdir()] == ["figures.json"]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), files.replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "earlier"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_told_with_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left") as raised, files.replacing(tmp_path / "figures.json"):
        raise OSError(errno.ENOSPC, "No space left on device")  # what write() raises: it knows of no name
    assert raised.value.filename == str(tmp_path / "figures.json")
    assert not list(tmp_path.iterdir())


def test_the_digest_is_of_the_content(tmp_path):
    files.write_text(tmp_path / "a", "mammogram")
    assert files.sha256_of(tmp_path / "a") == hashlib.sha256(b"mammogram").hexdigest()


def test_text_is_utf8_in_any_locale(tmp_path):
    program = "import pathlib; from mammo.common import files; files.write_text(pathlib.Path('a'), chr(252))"
    environment = programs.environment() | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
    assert (tmp_path / "a").read_bytes() == "ü".encode()
