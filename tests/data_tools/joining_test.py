import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from data_tools import joining
from mammo.clinical.labels import Label
from mammo.common import files
from mammo.common.errors import InputError
from mammo.concepts import both_projections
from mammo.config.data import Encoding
from mammo.data import encodings, index, manifests, schema
from mammo.data.manifests import DataFile, Manifest
from mammo.data.shards import Shards
from mammo.imaging import pixel_path
from mammo.stages import planning
from tests.mammo.data import small_shards
from tests.mammo.data.small_shards import HEIGHT_PX, WIDTH_PX

# Exam, side, projection, label and grey level of each view, two to a file.
VIEWS = [
    ("a", "left", "mlo", Label.CANCER, 0.9), ("b", "right", "cc", Label.NORMAL, 0.1),
    ("a", "right", "cc", Label.NORMAL, 0.3), ("a", "left", "cc", Label.BENIGN, 0.7),
    ("b", "right", "mlo", Label.UNKNOWN, 0.2), ("c", "", "", Label.BENIGN, 0.5),
    ("a", "right", "", Label.NORMAL, 0.4), ("a", "left", "cc", Label.BENIGN, 0.6),
]  # fmt: skip


@pytest.fixture(params=[Encoding.RAW, Encoding.PNG8])
def shards(tmp_path, request):
    folder = tmp_path / "views"
    folder.mkdir()
    made_files, rows = [], []
    for shard in range(len(VIEWS) // 2):
        path = folder / f"train-views-{shard:05d}-of-00004.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number, view in enumerate(VIEWS[2 * shard : 2 * shard + 2]):
                record = _record(*view, path=f"{2 * shard + number}.png", encoding=request.param)
                writer.write(schema.encode(record))
                rows.append(index.row_of(shard << 32 | number, record))
        made_files.append(DataFile(path.name, "views", 2, path.stat().st_size, files.sha256_of(path)))
    train = index.summarise(index.parse(rows).values(), [], made_files, [index.write(folder, "train", "views", rows)])
    empty = {split: index.summarise([], [], [], []) for split in ("validation", "test")}
    Manifest(
        manifests.FORMAT_VERSION, "drawn", "status", pixel_path.PIXEL_PATH_VERSION, HEIGHT_PX, WIDTH_PX,
        request.param, seed=0, rejected=0, widened=0, splits={"train": train, **empty},
    ).write(folder)  # fmt: skip
    return Shards.open(folder)


def _record(exam_id, laterality, projection, label, level, path, encoding):
    made = small_shards.record("train", 0, 0, label)
    image = encodings.encode_image(np.full((HEIGHT_PX, WIDTH_PX), level, np.float32), encoding)
    count = len(made["pathologies"])
    texts = {"patient_id": exam_id, "exam_id": exam_id, "laterality": laterality, "projection": projection}
    pathologies = {"pathologies": [label] * count}
    return {**made, **texts, **pathologies, "path": path, "image": image}


def test_each_breast_is_one_image_with_its_two_projections(shards, tmp_path):
    joining.join(shards, tmp_path / "breasts", breasts_per_shard=2)
    made = Shards.open(tmp_path / "breasts")
    assert made.manifest.height_px == 2 * HEIGHT_PX
    seen = {}
    for key, info in made.describe("train").items():
        image = made.read_image("train", key)
        assert image.shape == (2 * HEIGHT_PX, WIDTH_PX)
        halves = image[:HEIGHT_PX], image[HEIGHT_PX:]
        assert all(np.ptp(half) == 0 for half in halves)
        levels = tuple(round(float(half[0, 0]), 1) for half in halves)
        seen[info.exam_id, info.laterality] = (levels, info.label, info.boxes_xyxy_px[:, 1].tolist())
    one = 1.0  # where a lesion's box begins in a view
    assert seen == {
        # Of two CC views the first by name; the worst label; boxes of MLO lie below.
        ("a", "left"): ((0.7, 0.9), Label.CANCER, [one, HEIGHT_PX + one]),
        ("a", "right"): ((0.3, 0.4), Label.NORMAL, []),  # an unknown projection takes the place that is free
        ("b", "right"): ((0.1, 0.2), Label.UNKNOWN, [HEIGHT_PX + one]),  # MLO is not judged
        ("c", None): ((0.5, 0.0), Label.BENIGN, [one]),  # what is not there is black
    }


def test_a_concept_shows_a_classifier_the_same_breasts(shards, tmp_path):
    """And in each view's place: of a second CC view its own breast, with the MLO view that there is."""
    infos = shards.describe("train")
    keys = [key for key, info in infos.items() if info.label != Label.UNKNOWN]
    batches = []

    def classifier(images):
        batches.append(images)
        assert images.shape[1:] == (2 * HEIGHT_PX, WIDTH_PX, 1)
        return np.stack([images[:, 0, 0, 0], images[:, -1, 0, 0]], axis=1)

    shown = both_projections.classify(shards, "train", keys, classifier)
    said = {infos[key].path: tuple(np.round(levels, 1)) for key, levels in zip(keys, shown, strict=True)}
    assert said == {
        "0.png": (0.7, 0.9), "3.png": (0.7, 0.9), "7.png": (0.6, 0.9),
        "1.png": (0.1, 0.2),  # the view that nobody has judged is shown
        "2.png": (0.3, 0.4), "6.png": (0.3, 0.4),
        "5.png": (0.5, 0.0),
    }  # fmt: skip
    assert sum(map(len, batches)) == 5  # each breast once, and that of the second CC view
    joining.join(shards, tmp_path / "breasts", breasts_per_shard=9)
    made = Shards.open(tmp_path / "breasts")
    images = [made.read_image("train", key) for key in made.describe("train")]
    for image in np.concatenate(batches)[..., 0]:
        if round(float(image[0, 0]), 1) != 0.6:  # a second CC view has no breast of its own in shards
            assert any(np.array_equal(image, other) for other in images)


def test_breasts_are_the_same_data_as_their_views(shards, tmp_path):
    joining.join(shards, tmp_path / "breasts", breasts_per_shard=2)
    made = Shards.open(tmp_path / "breasts")
    assert made.manifest.views_sha256 == shards.manifest_sha256 != made.manifest_sha256
    own, of_views = planning.training_data(made), planning.training_data(shards)
    assert own.data_sha256 == of_views.data_sha256
    assert own != of_views  # a run on other files of the same breasts does not go on
    assert "views_sha256" not in (shards.folder / manifests.FILE_NAME).read_text()


def test_views_claim_to_be_made_of_no_others(shards):
    with pytest.raises(ValueError, match="only breasts have a views_sha256"):
        dataclasses.replace(shards.manifest, views_sha256="0" * 64)


def test_the_manifest_counts_breasts(shards, tmp_path):
    made = joining.join(shards, tmp_path / "breasts", breasts_per_shard=3)["train"]
    assert made.images == {"normal": 1, "benign": 1, "cancer": 1, "unknown": 1}
    assert [file.records for file in made.shards] == [3, 1]
    assert (made.patients, made.exams) == (3, 3)


def test_the_same_views_give_the_same_bytes(shards, tmp_path):
    for name in ("one", "two"):
        joining.join(shards, tmp_path / name, breasts_per_shard=2)
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_damaged_record_is_named(shards, tmp_path):
    (path, *_) = sorted(shards.folder.glob("*.tfrecord"))
    content = bytearray(path.read_bytes())
    content[6] = 255  # the length of the first record
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"train-views-00000-of-00004.tfrecord is damaged in record 0"):
        joining.join(shards, tmp_path / "breasts", breasts_per_shard=2)


def test_breasts_are_not_joined_again(shards, tmp_path):
    joining.join(shards, tmp_path / "breasts", breasts_per_shard=2)
    made = Shards.open(tmp_path / "breasts")
    assert made.manifest.shows == "breasts"
    with pytest.raises(InputError, match="holds breasts already; give the shards of views"):
        joining.join(made, tmp_path / "again", breasts_per_shard=2)
    assert not (tmp_path / "again").exists()


def test_a_full_disk_is_told_in_a_sentence(shards, tmp_path, monkeypatch):
    class Full:
        def __init__(self, path):
            raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    monkeypatch.setattr(tf.io, "TFRecordWriter", Full)
    with pytest.raises(InputError, match="No space left on device; make room there or give another --output_dir"):
        joining.join(shards, tmp_path / "breasts", breasts_per_shard=2)
