"""TensorFlow's own client of gs://, at a server that answers as Google's does: what is on a disk is so in a bucket.

TensorFlow reads how often to ask again as it is imported: no module that is named here imports it, and this file has a
process of its own.
"""

import collections
import errno
import gc
import os
import re
import sys

import numpy as np
import pytest

from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.common import files, storage
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data.shards import Shards
from tests import fake_gcs, programs
from tests.data_tools import drawn_source
from tests.data_tools.drawn_source import DrawnSource

EXAMS = 6
MOST_REQUESTS_PER_PAIR = 25
"""Of shards: 23.5 were counted, all that a conversion asks for included. Each takes as long as the way to Google and
back, and has a price: what asked once more for each file, or for each view, would show here."""
NO_BUCKET = storage.path("gs://none/a folder")


@pytest.fixture(scope="module")
def server():
    assert "tensorflow" not in sys.modules, "this file needs a process of its own"
    with fake_gcs.FakeGcs() as started:
        os.environ.update(started.environment)
        yield started


@pytest.fixture
def gcs(server):
    server.requests[:] = []
    return server


@pytest.fixture
def root(gcs, request):
    return storage.path(f"gs://{fake_gcs.BUCKET}/{request.node.name}")  # the client remembers names for seconds


def _in(gcs, folder):
    """Returns the names of the objects in a folder."""
    start = f"{folder.relative_to(f'gs://{fake_gcs.BUCKET}')}/"
    return {name.removeprefix(start) for name in list(gcs.objects) if name.startswith(start)}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return DrawnSource(tmp_path_factory.mktemp("data"), EXAMS).write()


def _convert(source, folder):
    options = RecordOptions(source.data_dir, 96, 64, Encoding.PNG16, seed=0, background_crops=1)
    Conversion(source, "overlay", options, folder, 4, limit=0, max_rejected=0, engine=Local(1)).run()


@pytest.fixture(scope="module")
def converted(server, source):
    """A conversion in the bucket, with the requests that it took by kind."""
    folder = storage.path(f"gs://{fake_gcs.BUCKET}/converted")
    before = len(server.requests)
    _convert(source, folder)
    return folder, collections.Counter(request.kind for request in server.requests[before:])


def _try_all(root):
    folder = root / "ä b" / "c#d?e%20f"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "é +&=.txt"
    file.write_text("é\n")
    answers = [file.read_text(), file.stat().st_size]
    with file.open("ab") as more:
        more.write(b"more")
    answers.append(file.read_bytes())
    file.write_bytes(bytes(range(256)) * 100)
    with file.open("rb") as content:
        content.seek(200)
        answers += [content.read(1000), content.tell(), content.seek(-3, os.SEEK_END), content.read()]
    file.replace(folder / "other.bin")
    (folder / "empty").touch()
    (folder / "inner").mkdir(exist_ok=True)
    (folder / "inner" / "gone").write_text("x")
    (folder / "inner" / "kept").write_text("x")
    (folder / "inner" / "gone").unlink()
    (folder / "gone").unlink(missing_ok=True)
    for listed in (folder.iterdir(), root.glob("*/*/*.bin"), root.rglob("*e*"), root.rglob("*")):
        answers.append({path.relative_to(root).as_posix() for path in listed})
    for name in ("ä b", "ä b/c#d?e%20f/inner", "ä b/c#d?e%20f/empty", "ä b/c#d?e%20f/gone", "ä"):
        place = root / name
        answers.append((name, place.is_dir(), place.is_file(), place.exists()))
    with pytest.raises(FileNotFoundError) as caught:
        file.read_bytes()
    answers.append(caught.value.filename == str(file))
    storage.remove_tree(folder / "inner")
    return [*answers, (folder / "inner" / "kept").exists(), {path.name for path in folder.iterdir()}]


def test_paths_answer_as_those_of_a_disk(root, tmp_path):
    assert _try_all(root) == _try_all(tmp_path)


def test_a_folder_of_more_names_than_one_answer_holds_is_listed_whole(gcs, root):
    names = [f"{number:04d}" for number in range(2001)]
    gcs.objects.update({f"{root.name}/many/{name}": b"" for name in names})
    gcs.objects.update({f"{root.name}/many/folder-{name}/file": b"" for name in names[:3]})
    assert sorted(path.name for path in (root / "many").iterdir()) == [*names, *(f"folder-{n}" for n in names[:3])]
    assert [request.kind for request in gcs.requests].count("list") >= 3


def test_a_bucket_that_is_not_there_is_said_at_once(gcs, source):
    (NO_BUCKET / "run").mkdir(parents=True, exist_ok=True)
    for ask in (lambda: files.write_text(NO_BUCKET / "file", "x"), lambda: _convert(source, NO_BUCKET / "shards")):
        gcs.requests[:] = []
        with pytest.raises(InputError, match=r"^gs://none/a folder/.*: there is no such bucket; make it, or give anot"):
            ask()
        assert 0 < len(gcs.requests) < 20
    with pytest.raises(FileNotFoundError):
        (NO_BUCKET / "file").write_text("x")
    assert list(NO_BUCKET.glob("*")) == []


@pytest.mark.parametrize(("status", "number", "name"), [(503, errno.EIO, "old"), (403, errno.EACCES, "new")])
def test_a_file_whose_writing_fails_is_not_there(gcs, root, status, number, name):
    files.write_text(root / "old", "before")
    with gcs.failing(status, "PUT upload"), pytest.raises(OSError, match="HTTP response code") as caught:
        files.write_text(root / name, "after")
    assert (caught.value.errno, caught.value.filename) == (number, f"{root}/{name}")
    assert _in(gcs, root) == {"old"}
    assert (root / "old").read_text() == "before"


def test_what_could_not_be_written_does_not_come_later(gcs, root):
    with gcs.failing(503, "PUT upload"), pytest.raises(OSError, match="HTTP response code 503") as caught:
        (root / "file").write_text("first")
    (root / "file").write_text("second")
    del caught  # and with it what was open
    gc.collect()
    assert (root / "file").read_text() == "second"


@pytest.mark.parametrize("pattern", ["PUT upload", "GET read"])
def test_what_fails_once_is_asked_again(gcs, root, pattern):
    with gcs.failing(503, pattern, times=1):
        files.write_text(root / "file", "x" * 10)
        assert (root / "file").read_text() == "x" * 10
        assert not list(gcs.failures)


def test_a_folder_is_sent_with_what_makes_it_whole_last(gcs, root):
    for name in ("stray/a b", "manifest.json", "a"):
        (root / "folder" / name).write_text("of the former")
    gcs.requests[:] = []
    with files.making_folder(root / "folder", whole_by="manifest.json") as unfinished:
        unfinished.mkdir()
        for name in ("a", "manifest.json", "z"):
            (unfinished / name).write_text(name)
    changes = [(request.kind, request.name.split("/", 2)[2]) for request in gcs.requests if request.method != "GET"]
    assert [change for change in changes if change[0] != "begin"] == [
        ("delete", "manifest.json"),
        *(("upload", name) for name in ("a", "z", "manifest.json")),
        ("delete", "stray/a b"),
    ]
    assert {path.name: path.read_text() for path in (root / "folder").iterdir()} == {
        name: name for name in ("a", "manifest.json", "z")
    }


def test_shards_are_the_same_bytes_and_their_requests_are_few(converted, source, tmp_path):
    _convert(source, tmp_path / "shards")
    folder, requests = converted
    made = drawn_source.read_bytes(folder)
    assert made == drawn_source.read_bytes(tmp_path / "shards")
    pairs = sum("-views-" in name and name.endswith(".tfrecord") for name in made)
    assert pairs == 6
    assert requests["upload"] == requests["begin"] <= len(made) + pairs + 1  # those of the journal
    assert requests.total() <= MOST_REQUESTS_PER_PAIR * pairs, requests


def test_shards_are_read_from_there(gcs, converted):
    shards = Shards.open(converted[0])
    assert [shards.find_damage(split) for split in ("train", "validation", "test")] == [None] * 3
    name = next(name for name in gcs.objects if name.startswith("converted/test-views"))
    content = gcs.objects[name]
    gcs.objects[name] = content[:200] + bytes([content[200] ^ 1]) + content[201:]
    try:
        assert "is damaged in record 0" in str(shards.find_damage("test"))
    finally:
        gcs.objects[name] = content


def _state():
    import tensorflow as tf  # noqa: PLC0415  see the top

    from mammo.config.optimizer import OptimizerConfig  # noqa: PLC0415
    from mammo.training import optimizers  # noqa: PLC0415
    from mammo.training.state import TrainState  # noqa: PLC0415

    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    return TrainState(model, optimizers.with_rate(OptimizerConfig(), lambda updates: tf.constant(0.1)), 0.9)


def test_checkpoints_are_saved_and_found_there_and_the_former_are_swept(gcs, root):
    from mammo.training.checkpoints import Checkpoints  # noqa: PLC0415

    made, restored = _state(), _state()
    kept = Checkpoints(root, made)
    kept.save_last()
    kept.save_best()
    made.position.assign_add(5)
    for variable in made.variables:
        variable.assign_add(np.ones(variable.shape, variable.dtype.as_numpy_dtype))
    kept.save_last()
    assert Checkpoints(root, restored).restore_last()
    for one, two in zip(made.variables, restored.variables, strict=True):
        np.testing.assert_array_equal(one, two)
    parts = (".index", ".data-00000-of-00001")
    names = {name for name in _in(gcs, root / "checkpoints") if name[-1:] not in ("", "/")}  # less empty folders
    assert names == {
        *("best/checkpoint", *(f"best/best-0{part}" for part in parts)),
        *("last/checkpoint", *(f"last/last-1{part}" for part in parts)),
    }


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            503,
            r"Input/output error \(.*code 503.*\); the disk, or the network to it, fails; check it, or give .*",
        ),
        (403, r"Permission denied \(.*code 403.*\); change its permissions or give another folder"),
    ],
    ids=["503", "403"],
)
def test_a_program_says_in_a_sentence_that_the_store_does_not_answer(gcs, status, sentence):
    with gcs.failing(status):
        result = programs.run("mammo.evaluate", f"--workdir=gs://{fake_gcs.BUCKET}/run")
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(rf"error: gs://bucket/run/bundle.json: {sentence}\.\n", result.stderr)


@pytest.mark.parametrize("status", [503, 403, 401])
def test_shards_are_not_called_damaged_where_the_store_does_not_answer(gcs, converted, status):
    import tensorflow as tf  # noqa: PLC0415

    shards = Shards.open(converted[0])
    with gcs.failing(status):
        with pytest.raises(OSError, match=f"HTTP response code {status}"):
            shards.find_damage("test")
        with pytest.raises(tf.errors.OpError, match=f"HTTP response code {status}") as caught:
            shards.read_image("test", shards.files("test")[0].keys[0])
    assert storage.cannot_be_reached(caught.value)
