import json

import pytest

from mammo.clinical.calibration import Calibration
from mammo.common import files
from mammo.common.errors import InputError
from mammo.imaging import pixel_path
from mammo.inference import bundles
from tests.mammo.inference import bright_disc


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run" / bundles.FOLDER_NAME
    (made / bundles.NETWORKS_FOLDER / "finder").mkdir(parents=True)
    (made / bundles.NETWORKS_FOLDER / "finder" / "saved_model.pb").write_bytes(b"a graph")
    bundles.seal(made, bright_disc.make_facts(calibration=Calibration(0.5, (0.0, 0.25, -1.0))))
    return made


def reseal(folder, **fields):
    """Changes facts, with checksums that fit."""
    facts = json.loads((folder / bundles.FACTS_FILE).read_text()) | fields
    bundles.seal(folder, bright_disc.make_facts())
    (folder / bundles.FACTS_FILE).write_text(json.dumps(facts))
    lines = (folder / bundles.SUMS_FILE).read_text().splitlines()
    made = [
        f"{files.sha256_of(folder / bundles.FACTS_FILE)}  {bundles.FACTS_FILE}"
        if line.endswith(f"  {bundles.FACTS_FILE}")
        else line
        for line in lines
    ]
    (folder / bundles.SUMS_FILE).write_text("\n".join(made) + "\n")


def test_what_was_sealed_is_what_is_opened(folder):
    opened = bundles.open_bundle(folder)
    assert opened.facts == bright_disc.make_facts(calibration=Calibration(0.5, (0.0, 0.25, -1.0)))
    assert opened.facts.gives_boxes
    assert len(opened.sha256) == 64
    assert opened == bundles.open_bundle(folder)


@pytest.mark.parametrize("name", [bundles.FACTS_FILE, "networks/finder/saved_model.pb"])
def test_one_altered_byte_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"was altered: {name} is not what was exported"):
        bundles.open_bundle(folder)


def test_a_file_that_is_missing_or_was_added_is_refused(folder):
    (folder / "networks" / "finder" / "more.pkl").write_bytes(b"anything")
    with pytest.raises(InputError, match=r"more\.pkl was added"):
        bundles.open_bundle(folder)
    (folder / "networks" / "finder" / "more.pkl").unlink()
    (folder / "networks" / "finder" / "saved_model.pb").unlink()
    with pytest.raises(InputError, match=r"saved_model\.pb is missing"):
        bundles.open_bundle(folder)


def test_other_versions_are_refused_by_number(folder):
    reseal(folder, format_version=bundles.FORMAT_VERSION + 1)
    with pytest.raises(
        InputError,
        match=rf"version {bundles.FORMAT_VERSION + 1} of the format, this program has {bundles.FORMAT_VERSION}",
    ):
        bundles.open_bundle(folder)
    reseal(folder, format_version=bundles.FORMAT_VERSION, pixel_path_version=pixel_path.PIXEL_PATH_VERSION + 1)
    with pytest.raises(InputError, match=r"version 2 of the pixel path, this program has 1; export it again"):
        bundles.open_bundle(folder)


@pytest.mark.parametrize("fields", [{"colour": "blue"}, {"networks": 7}, {"calibration": {"temperature": "warm"}}])
def test_facts_that_this_version_does_not_know_are_refused(folder, fields):
    reseal(folder, **fields)
    with pytest.raises(InputError, match=r"bundle\.json lacks what this version takes"):
        bundles.open_bundle(folder)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no model bundle"):
        bundles.open_bundle(tmp_path / "nowhere")


def test_the_last_bundle_of_all_runs_is_found(folder, tmp_path):
    later = tmp_path / "a_run" / bundles.FOLDER_NAME
    later.mkdir(parents=True)
    bundles.seal(later, bright_disc.make_facts(created="2026-02-01T00:00:00+00:00"))
    damaged = tmp_path / "z_run" / bundles.FOLDER_NAME
    damaged.mkdir(parents=True)
    (damaged / bundles.FACTS_FILE).write_text("{")
    assert bundles.find_last(tmp_path) == later
    assert bundles.find_last(tmp_path / "nowhere") is None
