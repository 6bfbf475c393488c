import csv
import dataclasses
import errno
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from data_tools import processes
from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.common import files
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data import manifests, schema
from mammo.data.shards import Shards
from tests import programs
from tests.data_tools import drawn_source
from tests.data_tools.drawn_source import DrawnSource

EXAMS = 24


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return DrawnSource(tmp_path_factory.mktemp("data"), EXAMS).write()


def _conversion(source, output_dir, **changes) -> Conversion:
    options = RecordOptions(source.data_dir, 128, 80, Encoding.PNG16, seed=0, background_crops=1)
    asked = Conversion(
        source, "overlay", options, output_dir, views_per_shard=10, limit=0, max_rejected=0, engine=Local(1)
    )
    return dataclasses.replace(asked, **changes)


@pytest.fixture(scope="module")
def converted(source, tmp_path_factory):
    output_dir = tmp_path_factory.mktemp("converted")
    return output_dir, _conversion(source, output_dir).run()


def test_data_that_a_model_is_only_evaluated_on_are_all_of_one_split(source, converted, tmp_path):
    made = _conversion(source, tmp_path / "shards", only_split="test").run()
    _, split = converted
    assert made.splits["test"].patients == sum(part.patients for part in split.splits.values())
    assert sum(made.splits["test"].images.values()) == sum(sum(part.images.values()) for part in split.splits.values())
    assert made.splits["train"].patients == made.splits["validation"].patients == 0


def _read(output_dir, shard):
    for record in tf.data.TFRecordDataset(str(output_dir / shard.name)):
        yield schema.decode(record, Encoding.PNG16)


def test_every_view_is_there_once_with_its_label_and_patients_kept_apart(converted):
    output_dir, made = converted
    paths: list[bytes] = []
    patients: dict[str, set[bytes]] = {}
    labels = dict.fromkeys(range(3), 0)
    for name, split in made.splits.items():
        for shard in split.shards:
            elements = list(_read(output_dir, shard))
            assert len(elements) == shard.records
            if shard.content == "views":
                paths += [element["path"].numpy() for element in elements]
            patients.setdefault(name, set()).update(element["patient_id"].numpy() for element in elements)
            for element in elements:
                labels[int(element["label"])] += shard.content == "views"
    assert len(paths) == len(set(paths)) == 4 * EXAMS
    assert labels == {0: EXAMS // 3 * 8, 1: EXAMS // 3 * 2, 2: EXAMS // 3 * 2}
    assert sum(len(part) for part in patients.values()) == EXAMS


def test_the_manifest_tells_what_the_files_hold(converted):
    output_dir, made = converted
    assert manifests.read(output_dir) == made
    for split in made.splits.values():
        for file in (*split.shards, *split.indexes):
            path = output_dir / file.name
            assert (path.stat().st_size, files.sha256_of(path)) == (file.bytes, file.sha256)
    assert sum(split.images["cancer"] for split in made.splits.values()) == EXAMS // 3 * 2
    assert sum(split.lesions["benign"] for split in made.splits.values()) == EXAMS // 3 * 2
    listed = {file.name for split in made.splits.values() for file in (*split.shards, *split.indexes)}
    assert {path.name for path in output_dir.iterdir()} == listed | {"manifest.json", "rejected.csv"}


def test_the_index_says_what_the_shards_hold_and_no_more_labels_than_there_are(converted):
    output_dir, made = converted
    shards = Shards.open(output_dir)
    for of_content in (shards, shards.crops):
        for name, split in made.splits.items():
            elements = [e for s in split.shards if s.content == of_content.content for e in _read(output_dir, s)]
            infos = of_content.describe(name).values()
            assert [(info.path, info.label) for info in infos] == [
                (element["path"].numpy().decode(), element["label"]) for element in elements
            ]
    for split in made.splits.values():
        assert list(split.images) == ["normal", "benign", "cancer"]
        assert list(split.lesions) == ["benign", "cancer"]
        assert list(split.crops) == ["background", "benign", "cancer"]


def test_two_workers_make_the_bytes_of_one(converted, source, tmp_path, caplog):
    caplog.set_level("INFO")
    made = _conversion(source, tmp_path / "two", engine=Local(2)).run()
    shards = [shard for split in made.splits.values() for shard in split.shards]
    told = (
        f"{len(shards) // 2} pairs of shards of {EXAMS * 4} views, {sum(s.bytes for s in shards):,} bytes, 0 rejected"
    )
    assert f"Made {told}." in caplog.text
    assert drawn_source.read_bytes(tmp_path / "two") == drawn_source.read_bytes(converted[0])


SCRIPT = """
import pathlib, sys
from tests.data_tools import conversion_test
from tests.data_tools.drawn_source import DrawnSource
if __name__ == "__main__":
    source = DrawnSource(pathlib.Path(sys.argv[1]), conversion_test.EXAMS)
    conversion_test._conversion(source, pathlib.Path(sys.argv[2]), engine=conversion_test.Local(2)).run()
"""


def test_a_killed_conversion_goes_on_to_the_same_bytes(converted, source, tmp_path):
    script, output_dir = tmp_path / "convert.py", tmp_path / "killed"
    script.write_text(SCRIPT)
    command = [sys.executable, script, source.data_dir, output_dir]
    for finished in (0, 2):  # shards that are whole when it is killed, in the middle of another
        process = subprocess.Popen(command, env=programs.environment(), stderr=subprocess.DEVNULL)
        while not _is_writing(output_dir, finished):
            assert process.poll() is None, "the conversion ended before it could be killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (output_dir / manifests.FILE_NAME).exists()
    _conversion(source, output_dir).run()
    assert drawn_source.read_bytes(output_dir) == drawn_source.read_bytes(converted[0])


class _KilledError(BaseException):
    pass


def _kill_at_deletion(monkeypatch, number):
    """Lets the deletion of that number, from 0, of a file below a folder named .journal end the process."""
    unlink, rmtree, made = pathlib.Path.unlink, shutil.rmtree, 0

    def count(path):
        nonlocal made
        if ".journal" in str(path) and not str(path).endswith(files.PARTIAL_SUFFIX):
            made += 1
            if made > number:
                raise _KilledError

    def counted_unlink(path, **options):
        count(path)
        unlink(path, **options)

    def counted_rmtree(path):
        count(path)
        rmtree(path)

    monkeypatch.setattr(pathlib.Path, "unlink", counted_unlink)
    monkeypatch.setattr(shutil, "rmtree", counted_rmtree)


@pytest.mark.parametrize("deletions", [0, 1, 3])
def test_a_conversion_killed_after_its_manifest_is_finished_by_the_same_command(
    source, tmp_path, monkeypatch, caplog, deletions
):
    small = dataclasses.replace(source, exams=6)
    with monkeypatch.context() as killing, pytest.raises(_KilledError):
        _kill_at_deletion(killing, deletions)
        _conversion(small, tmp_path).run()
    before = drawn_source.read_bytes(tmp_path)
    assert ".journal/settings.json" in before
    with pytest.raises(InputError, match="holds the beginning of another conversion"):
        _conversion(small, tmp_path, views_per_shard=9).run()
    made = _conversion(small, tmp_path).run()
    assert "was whole already" in caplog.text
    assert made == manifests.read(tmp_path)
    assert drawn_source.read_bytes(tmp_path) == {
        name: content for name, content in before.items() if not name.startswith(".journal")
    }
    with pytest.raises(InputError, match="already holds a finished conversion"):
        _conversion(small, tmp_path).run()


def test_a_journal_without_settings_beside_a_manifest_is_litter_of_a_finished_conversion(source, tmp_path):
    small = dataclasses.replace(source, exams=2)
    _conversion(small, tmp_path).run()
    (tmp_path / ".journal").mkdir()
    with pytest.raises(InputError, match="already holds a finished conversion"):
        _conversion(small, tmp_path).run()
    assert not (tmp_path / ".journal").exists()


def _is_writing(output_dir, finished):
    whole = len(list(output_dir.glob("*.tfrecord")))
    return whole >= finished and any(output_dir.glob(f"*{files.PARTIAL_SUFFIX}"))


def test_what_was_done_is_not_done_again(source, tmp_path):
    bad = dataclasses.replace(source, data_dir=tmp_path / "data")
    bad.write()
    broken = bad.list_exams()[5].views[0].path
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    with pytest.raises(InputError, match="1 of 96 views"):
        _conversion(bad, tmp_path / "out").run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord")}
    broken.write_bytes(whole)
    made = _conversion(bad, tmp_path / "out").run()
    assert made.rejected == 0
    again = [path.name for path, time_ns in before.items() if path.stat().st_mtime_ns != time_ns]
    assert len(again) == 2  # the views and the crops of the pair that held the broken one


def test_rejected_views_are_all_listed_before_it_fails(source, tmp_path):
    bad = dataclasses.replace(source, data_dir=tmp_path / "data", exams=6)
    bad.write()
    empty, missing = bad.list_exams()[0].views[1].path, bad.list_exams()[4].views[2].path
    empty.write_bytes(b"")
    missing.unlink()
    with pytest.raises(InputError, match=r"2 of 24 views cannot be used, more than --max_rejected=1.*rejected"):
        _conversion(bad, tmp_path / "out", max_rejected=1).run()
    assert not (tmp_path / "out" / "manifest.json").exists()
    made = _conversion(bad, tmp_path / "out", max_rejected=2).run()
    assert made.rejected == 2
    with (tmp_path / "out" / "rejected.csv").open() as table:
        rows = {row["path"]: row["reason"] for row in csv.DictReader(table)}
    assert rows.keys() == {"0000/left_mlo.png", "0004/right_cc.png"}
    assert "is missing" in rows["0004/right_cc.png"]


def test_limit_draws_exams_and_the_split_of_each_stays(converted, source, tmp_path):
    few = _conversion(source, tmp_path / "few", limit=5).run()
    assert sum(split.exams for split in few.splits.values()) == 5
    for name, split in few.splits.items():
        whole = {e["patient_id"].numpy() for s in converted[1].splits[name].shards for e in _read(converted[0], s)}
        assert {e["patient_id"].numpy() for s in split.shards for e in _read(tmp_path / "few", s)} <= whole


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({}, "already holds a finished conversion"), ({"limit": 3}, "already holds a finished conversion")],
)
def test_a_finished_conversion_is_not_overwritten(converted, source, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        _conversion(source, converted[0], **changes).run()


def test_the_beginning_of_another_conversion_is_refused_with_what_differs(source, tmp_path):
    bad = dataclasses.replace(source, data_dir=tmp_path / "data", exams=2)  # its images were never written
    with pytest.raises(InputError, match="views cannot be used"):
        _conversion(bad, tmp_path / "out").run()
    options = dataclasses.replace(_conversion(bad, tmp_path).options, seed=7)
    with pytest.raises(InputError, match="its seed is 0, not 7"):
        _conversion(bad, tmp_path / "out", options=options).run()


def test_an_interrupted_conversion_leaves_no_partial_files_of_its_workers(source, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        (tmp_path / f"train-views.tfrecord.77{files.PARTIAL_SUFFIX}").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _conversion(source, tmp_path).run()
    assert not list(tmp_path.rglob(f"*{files.PARTIAL_SUFFIX}"))


@pytest.mark.parametrize("text", ["", "[]", "[" * 10_000])
def test_damaged_settings_are_refused_with_what_to_do(source, tmp_path, text):
    settings = tmp_path / ".journal" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(text)
    with pytest.raises(InputError, match=r"settings.json is damaged; empty"):
        _conversion(source, tmp_path).run()


def test_a_folder_that_another_conversion_writes_is_refused(source, tmp_path):
    (tmp_path / ".journal").mkdir()
    with (tmp_path / ".journal" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is being written by another conversion"):
            _conversion(source, tmp_path).run()
    assert [path.name for path in (tmp_path / ".journal").iterdir()] == ["lock"]


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_a_lock_that_was_deleted_while_it_was_taken_is_no_lock(source, tmp_path, monkeypatch, is_made_anew):
    flock, lock = fcntl.flock, tmp_path / ".journal" / "lock"

    def take_late(file, operation):
        lock.unlink()
        if is_made_anew:
            lock.touch()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", take_late)
    with pytest.raises(InputError, match="is being written by another conversion"):
        _conversion(source, tmp_path).run()


def test_a_folder_with_other_files_is_refused(source, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="already holds other files"):
        _conversion(source, tmp_path).run()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_is_one_sentence_and_leaves_no_manifest(source, tmp_path):
    # A limit on the size of a file stands in for a full disk: both fail in the middle of a write.
    script = SCRIPT.replace("import pathlib, sys", "import pathlib, resource, sys").replace(
        "    source =", "    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n    source =", 1
    )
    (tmp_path / "convert.py").write_text(script.replace("Local(2)", "Local(1)"))
    command = [sys.executable, tmp_path / "convert.py", source.data_dir, tmp_path / "out"]
    ended = subprocess.run(command, env=programs.environment(), capture_output=True, text=True, check=False)
    assert "InputError" in ended.stderr
    assert "make room there" in ended.stderr
    names = [path.name for path in (tmp_path / "out").iterdir()]
    assert names == [".journal"]
    assert json.loads((tmp_path / "out" / ".journal" / "settings.json").read_text())["seed"] == 0


def test_a_disk_that_fills_at_any_write_leaves_what_the_same_command_finishes(source, tmp_path, monkeypatch):
    small, fsync = dataclasses.replace(source, exams=1), os.fsync
    writes = 0

    def count(descriptor):
        nonlocal writes
        writes += 1
        fsync(descriptor)

    with monkeypatch.context() as counting:
        counting.setattr(os, "fsync", count)
        _conversion(small, tmp_path / "whole", only_split="test").run()
    whole = drawn_source.read_bytes(tmp_path / "whole")
    full: set[str] = set()
    for number in range(writes):
        left = number

        def fill_up(descriptor):
            nonlocal left
            if left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            left -= 1
            fsync(descriptor)

        output_dir = tmp_path / str(number)
        with monkeypatch.context() as filling, pytest.raises(OSError, match="No space left") as raised:
            filling.setattr(os, "fsync", fill_up)
            _conversion(small, output_dir, only_split="test").run()
        full.add(pathlib.Path(raised.value.filename).name)
        assert not list(output_dir.rglob(f"*{files.PARTIAL_SUFFIX}"))
        _conversion(small, output_dir, only_split="test").run()
        assert drawn_source.read_bytes(output_dir) == whole
    assert full == {"settings.json", "test-00000.json", *whole}
