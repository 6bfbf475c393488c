import errno
import hashlib
import os
import pathlib
import socket
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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_file_that_does_not_reach_the_disk_does_not_get_its_name(tmp_path, monkeypatch, number):
    path = tmp_path / "figures.json"
    path.write_text("earlier")

    def fail(descriptor):
        raise OSError(number, "the disk failed")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk failed") as raised:
        files.write_text(path, "new")
    assert raised.value.filename == str(path)
    assert path.read_text() == "earlier"
    assert len(list(tmp_path.iterdir())) == 1


def test_content_and_name_are_on_the_disk_in_this_order(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noting(descriptor):
        synced.append((str(pathlib.Path(f"/proc/self/fd/{descriptor}").readlink()), (tmp_path / "a").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    files.write_text(tmp_path / "a", "mammogram")
    assert synced == [(f"{tmp_path}/a.{socket.gethostname()}-{os.getpid()}.partial", False), (str(tmp_path), True)]


def test_all_of_a_folder_is_synced(tmp_path, monkeypatch):
    (tmp_path / "networks" / "empty").mkdir(parents=True)
    files.write_text(tmp_path / "networks" / "graph.pb", "x")
    files.write_text(tmp_path / "bundle.json", "{}")
    synced: list[pathlib.Path] = []
    monkeypatch.setattr(files, "sync", synced.append)
    files.sync_tree(tmp_path)
    assert set(synced) == {tmp_path, *tmp_path.rglob("*")}


def test_room_is_reserved_or_refused(tmp_path):
    files.reserve(tmp_path / "weights", 5000)
    assert (tmp_path / "weights").stat().st_size == 5000
    with pytest.raises(OSError, match=r"large|space"):
        files.reserve(tmp_path / "weights", 2**62)


def test_the_digest_is_of_the_content(tmp_path):
    files.write_text(tmp_path / "a", "mammogram")
    assert files.sha256_of(tmp_path / "a") == hashlib.sha256(b"mammogram").hexdigest()


def test_text_is_utf8_in_any_locale(tmp_path):
    program = "import pathlib; from mammo.common import files; files.write_text(pathlib.Path('a'), chr(252))"
    environment = programs.environment() | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
    assert (tmp_path / "a").read_bytes() == "ü".encode()
