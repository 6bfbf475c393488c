import dataclasses
import re

import pytest

from data_tools import preparation
from mammo.common.errors import InputError
from mammo.config.data import DataConfig
from mammo.data import manifests

_OPTIONS = DataConfig(
    height_px=64, width_px=32, encoding="raw", phantom_exams=6, phantom_height_px=160, phantom_seed=0, max_rejected=0
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder in which exams were drawn and converted, beside what a killed drawing had left there."""
    folder = tmp_path_factory.mktemp("run") / "data"
    (folder / "phantoms.partial" / "half").mkdir(parents=True)
    return folder, preparation.prepare(None, folder, _OPTIONS)


def test_with_nothing_given_exams_are_drawn_and_converted(drawn):
    folder, shards_dir = drawn
    made = manifests.read(shards_dir)
    assert (made.source, made.height_px, made.width_px, made.encoding) == (manifests.PHANTOM, 64, 32, "raw")
    assert sum(split.exams for split in made.splits.values()) == 6
    assert preparation.find_shards(folder) == shards_dir
    assert not list(folder.rglob("*.partial"))


def test_the_same_again_makes_nothing_anew(drawn):
    folder, shards_dir = drawn
    before = {path: path.stat().st_mtime_ns for path in shards_dir.iterdir()}
    assert preparation.prepare(None, folder, _OPTIONS) == shards_dir
    assert {path: path.stat().st_mtime_ns for path in shards_dir.iterdir()} == before


def test_a_raw_data_set_is_converted(drawn, tmp_path):
    raw = drawn[0] / "phantoms"
    shards_dir = preparation.prepare(raw, tmp_path / "data", _OPTIONS)
    assert manifests.read(shards_dir).splits == manifests.read(drawn[1]).splits


def test_shards_are_taken_as_they_are(drawn, tmp_path):
    assert preparation.prepare(drawn[1], tmp_path / "data", _OPTIONS) == drawn[1]
    assert not (tmp_path / "data").exists()
    assert preparation.find_shards(tmp_path / "data") is None


def test_other_data_than_the_folder_was_made_from_is_refused(drawn, tmp_path):
    folder, _ = drawn
    with pytest.raises(InputError, match=rf"data_dir=none \(synthetic exams\), not {re.escape(str(tmp_path))};"):
        preparation.prepare(tmp_path, folder, _OPTIONS)
    with pytest.raises(InputError, match=r"phantom_seed=0, not 3; .*another --workdir"):
        preparation.prepare(None, folder, dataclasses.replace(_OPTIONS, phantom_seed=3))


def test_a_mistaken_folder_can_be_put_right(drawn, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        preparation.prepare(tmp_path / "nowhere", tmp_path / "data", _OPTIONS)
    shards_dir = preparation.prepare(drawn[0] / "phantoms", tmp_path / "data", _OPTIONS)
    assert manifests.read(shards_dir).source == manifests.PHANTOM
