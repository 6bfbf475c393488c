import copy
import hashlib
import pathlib
import pickle

import hypothesis
import pytest
from hypothesis import strategies as st

from mammo.common import files, storage, stored_path
from mammo.common.errors import InputError

ROOT = storage.path("ram://storage/test")


def test_what_is_no_address_is_a_path_of_the_disk():
    assert storage.path("/a/b") == pathlib.Path("/a/b")
    assert not storage.is_stored(storage.path("a:b/c"))


@pytest.mark.parametrize("text", ["s3://bucket/a", "https://host/a", "file:///a"])
def test_other_addresses_are_refused_with_what_to_do(text):
    with pytest.raises(InputError, match=rf"^{text}: .* copy it to a disk first, or mount it"):
        storage.path(text)


def test_a_disk_may_be_needed():
    with pytest.raises(InputError, match="gs://bucket/scans must be on a disk here"):
        storage.refuse_address("gs://bucket/scans")


def test_its_text_is_the_address_whatever_is_done_with_it():
    path = storage.path("gs://bucket/run/plan.json")
    assert str(path) == f"{path}" == path.as_posix() == "gs://bucket/run/plan.json"
    assert str(path.parent / "x" / ".." / "y") == "gs://bucket/run/x/../y"
    assert (str(path.parent), path.name, path.suffix) == ("gs://bucket/run", "plan.json", ".json")
    assert str(path.with_name("a b.txt")) == "gs://bucket/run/a b.txt"
    assert path.relative_to(storage.path("gs://bucket")) == pathlib.Path("run/plan.json")
    assert path.is_relative_to(storage.path("gs://bucket/run"))
    for same in (path.resolve(), path.absolute(), path.expanduser(), pickle.loads(pickle.dumps(path)), copy.copy(path)):
        assert (type(same), str(same)) == (type(path), str(path))


@hypothesis.given(st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_a_file_holds_what_was_written_last(first, second, start, length):
    path = ROOT / "file"
    path.write_bytes(first)
    path.write_bytes(second)
    assert path.read_bytes() == second
    assert path.stat().st_size == len(second)
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        assert file.read(length) == second[start : start + length]
    with path.open("ab") as file:
        file.write(first)
    assert path.read_bytes() == second + first


def test_text_is_utf_8():
    path = ROOT / "text"
    path.write_text("é\n\u4e00\n")
    assert path.read_bytes().decode("utf-8") == "é\n\u4e00\n"
    with path.open() as lines:
        assert list(lines) == ["é\n", "\u4e00\n"]


def test_folders_are_listed_as_on_a_disk(tmp_path):
    def fill(root):
        for name in ("a/1.txt", "a/b/2.txt", "a/b/3.json", "4.txt"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
        return root

    disk, store = fill(tmp_path), fill(ROOT / "listed")
    for listed in (
        lambda root: root.iterdir(),
        lambda root: root.glob("*/*.txt"),
        lambda root: root.glob("a/*/3.json"),
        lambda root: root.rglob("*.txt"),
        lambda root: root.rglob("*"),
    ):
        here, there = ({path.relative_to(root).as_posix() for path in listed(root)} for root in (disk, store))
        assert there == here != set()
    assert [(store / name).is_dir() for name in ("a", "4.txt", "none")] == [True, False, False]
    assert [(store / name).is_file() for name in ("a", "4.txt", "none")] == [False, True, False]


def test_what_is_not_there_is_said_as_of_a_disk():
    for ask in (ROOT.__truediv__("none").stat, ROOT.__truediv__("none").read_bytes, ROOT.__truediv__("none").unlink):
        with pytest.raises(FileNotFoundError) as caught:
            ask()
        assert caught.value.filename == f"{ROOT}/none"
    (ROOT / "none").unlink(missing_ok=True)
    assert not (ROOT / "none").exists()
    assert list((ROOT / "none").glob("*")) == []


def test_a_folder_is_made_once_unless_it_may_be_there():
    (ROOT / "made").mkdir(parents=True, exist_ok=True)
    (ROOT / "made").mkdir(parents=True, exist_ok=True)
    with pytest.raises(FileExistsError):
        (ROOT / "made").mkdir()
    (ROOT / "made/file").touch()
    (ROOT / "made/file").rename(ROOT / "made/other")
    assert [path.name for path in (ROOT / "made").iterdir()] == ["other"]
    storage.remove_tree(ROOT / "made")
    storage.remove_tree(ROOT / "made")
    assert not (ROOT / "made/other").exists()


def test_a_file_whose_writing_fails_leaves_the_one_before():
    path = ROOT / "replaced"
    files.write_text(path, "before")
    with pytest.raises(LookupError), files.replacing(path) as partial:
        partial.write_text("half")
        raise LookupError
    assert path.read_text() == "before"
    files.write_text(path, "after")
    assert (path.read_text(), files.sha256_of(path)) == ("after", hashlib.sha256(b"after").hexdigest())


def test_a_folder_is_sent_with_what_makes_it_whole_last(monkeypatch):
    sent = []
    send = storage.send

    def noted(local, to):
        sent.append(to.name)
        assert not (ROOT / "folder/manifest.json").exists()
        send(local, to)

    monkeypatch.setattr(storage, "send", noted)
    (ROOT / "folder/stale").write_text("x")
    (ROOT / "folder/manifest.json").write_text("of the former")
    with files.making_folder(ROOT / "folder", whole_by="manifest.json") as unfinished:
        for name in ("a", "manifest.json", "z"):
            unfinished.mkdir(exist_ok=True)
            (unfinished / name).write_text(name)
    assert sent == ["a", "z", "manifest.json"]
    assert {path.name for path in (ROOT / "folder").iterdir()} == {"a", "z", "manifest.json"}


def test_a_folder_that_fails_is_not_sent():
    with pytest.raises(LookupError), files.making_folder(ROOT / "failed", whole_by="m") as unfinished:
        unfinished.mkdir()
        (unfinished / "m").touch()
        raise LookupError
    assert not (ROOT / "failed/m").exists()


def test_a_file_is_fetched_to_a_disk(tmp_path):
    (ROOT / "fetched").write_bytes(b"1")
    storage.fetch(ROOT / "fetched", tmp_path / "in/it")
    assert (tmp_path / "in/it").read_bytes() == b"1"


@pytest.mark.parametrize("text", ["gs://", "gs:///a", "gs://b//a", "gs://b/../c", "gs://B/a", "gs://b/.", "gs://b/a//"])
def test_what_is_no_address_of_a_bucket_is_refused(text):
    with pytest.raises(InputError, match="is no address in an object store; give one such as gs://bucket/folder"):
        storage.path(text)


@pytest.mark.parametrize("text", ["gs://b", "gs://b.c_d-1", "gs://b/a b/\u00e9", "gs://b/..a/b.", "gs://b/a/"])
def test_any_name_may_be_in_a_bucket(text):
    assert str(storage.path(text)) == text.rstrip("/")


@pytest.mark.parametrize("text", ["gs:/b/a", "s3://b/a", "https://b/a"])
def test_an_address_is_not_taken_for_a_folder(text):
    with pytest.raises(InputError, match="must be on a disk here"):
        storage.refuse_address(text)
    storage.refuse_address("/b/a:/c")


def test_a_file_is_locked_on_a_disk_and_only_told_of_in_a_store(tmp_path, caplog):
    with storage.lock(tmp_path / "lock"), pytest.raises(BlockingIOError), storage.lock(tmp_path / "lock"):
        pass
    with storage.lock(ROOT / "lock"), storage.lock(ROOT / "lock"):
        pass
    assert "has no locks" in caplog.text


def test_tensorflow_knows_the_file_systems_that_are_named():
    assert set(stored_path.SCHEMES) <= set(stored_path.gfile().get_registered_schemes())
