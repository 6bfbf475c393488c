import dataclasses
import json
import os
import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mammo.clinical.calibration import Calibration
from mammo.clinical.exams import ExamResult, ViewRef, ViewResult
from mammo.common.errors import InputError
from mammo.imaging import pixel_path
from mammo.inference import bundles, model_card, sealing, signing
from mammo.inference.bundle_facts import FORMAT_VERSION
from mammo.inference.sealing import CARD_FILE, FACTS_FILE, NETWORKS_FOLDER, SIGNATURE_FILE, SUMS_FILE
from mammo.inference.service import Service
from mammo.metrics import classification
from mammo.writers import exam_json, formats
from mammo.writers.page import PageWriter
from tests import wrong_json
from tests.mammo.inference import bright_disc
from tests.mammo.metrics import drawing

KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
DATA = {
    "source": "phantom", "is_phantom": True, "manifest_sha256": "ab" * 32, "patients": {"train": 30, "test": 12},
    "labels": "overlay", "height_px": 256, "seed": 0,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return _write(tmp_path / "run" / bundles.FOLDER_NAME)


def _write(folder, key=None, **facts):
    for name in ("finder", "crop_classifier"):
        (folder / NETWORKS_FOLDER / name).mkdir(parents=True)
        (folder / NETWORKS_FOLDER / name / "graph.pb").write_bytes(b"a graph")
    (folder / CARD_FILE).write_text("# a card\n")
    bundles.seal(folder, bright_disc.make_facts(**facts), key)
    return folder


def _reseal(folder, name, content):
    """Replaces a file, with checksums that fit."""
    (folder / name).write_text(content)
    sealing.seal(folder)


def test_what_was_sealed_is_what_is_opened(folder):
    facts = {"calibration": Calibration(0.5, (0.0, 0.25, -1.0)), "data": DATA, "figures": {"n": {"images": 3}}}
    bundles.seal(folder, bright_disc.make_facts(**facts))
    opened = bundles.open_bundle(folder)
    assert opened.facts == bright_disc.make_facts(**facts)
    assert opened.facts.gives_boxes
    assert len(opened.sha256) == 64
    assert opened == bundles.open_bundle(folder)


@pytest.mark.parametrize("name", [FACTS_FILE, "networks/finder/graph.pb", "networks/finder/plan.json"])
def test_one_altered_byte_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"was altered: {name} is not what was exported"):
        bundles.open_bundle(folder)


def test_a_file_that_was_replaced_after_it_was_opened_is_refused(folder):
    opened = bundles.open_bundle(folder)
    (folder / "networks" / "finder" / "graph.pb").write_bytes(b"a worse")
    with pytest.raises(InputError, match=r"graph\.pb is not what was exported"):
        opened.content.read("networks/finder/graph.pb")


def _add(folder):
    (folder / "networks" / "finder" / "more.pkl").write_bytes(b"anything")


def _add_listed(folder):
    _add(folder)
    sealing.seal(folder)


def _remove(folder):
    (folder / "networks" / "finder" / "graph.pb").unlink()


def _link_file(folder):
    (folder / CARD_FILE).rename(folder.parent / "card.md")
    (folder / CARD_FILE).symlink_to(folder.parent / "card.md")


def _link_folder(folder):
    (folder / NETWORKS_FOLDER).rename(folder.parent / "elsewhere")
    (folder / NETWORKS_FOLDER).symlink_to(folder.parent / "elsewhere")


def _link_sums(folder):
    (folder / SUMS_FILE).rename(folder.parent / "sums")
    (folder / SUMS_FILE).symlink_to(folder.parent / "sums")


def _make_pipe(folder):
    (folder / CARD_FILE).unlink()
    os.mkfifo(folder / CARD_FILE)


def _swell(folder):
    with (folder / CARD_FILE).open("r+b") as file:
        file.truncate(1 << 40)


def _fill(folder):
    for number in range(200):
        (folder / f"{number}").touch()


def _append(line):
    def append(folder):
        with (folder / SUMS_FILE).open("a") as file:
            file.write(line)

    return append


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_add, r"networks/finder/more\.pkl was added"),
        (_add_listed, "has a line that no export writes"),
        (_remove, r"networks/finder/graph\.pb is missing"),
        (_link_file, r"MODEL_CARD\.md is no file"),
        (_link_folder, r"networks is no file"),
        (_link_sums, r"SHA256SUMS is no file"),
        (_make_pipe, r"MODEL_CARD\.md is no file"),
        (_swell, r"MODEL_CARD\.md is larger than 1 MiB"),
        (_fill, "it holds more than a bundle does"),
        (_append(f"{'0' * 64}  MODEL_CARD.md\n"), "has a line that no export writes"),  # a second time
        (_append(f"{'0' * 64}  ../../secret\n"), "has a line that no export writes"),
        (_append(f"{'0' * 64}  /etc/passwd\n"), "has a line that no export writes"),
        (_append("\0\xff\n"), "has a line that no export writes"),
        (_append(f"{'0' * 64}  networks/tumour/graph.pb\n"), r"networks/tumour/graph\.pb is missing"),
    ],
)
def test_a_folder_with_anything_else_than_what_was_sealed_is_refused(folder, change, sentence):
    change(folder)
    with pytest.raises(InputError, match=sentence):
        bundles.open_bundle(folder)


def test_other_versions_are_refused_by_number(folder):
    facts = json.loads((folder / FACTS_FILE).read_text())
    _reseal(folder, FACTS_FILE, json.dumps(facts | {"format_version": FORMAT_VERSION + 1}))
    with pytest.raises(
        InputError, match=rf"version {FORMAT_VERSION + 1} of the format, this program has {FORMAT_VERSION}"
    ):
        bundles.open_bundle(folder)
    _reseal(folder, FACTS_FILE, json.dumps(facts | {"pixel_path_version": pixel_path.PIXEL_PATH_VERSION + 1}))
    here = pixel_path.PIXEL_PATH_VERSION
    with pytest.raises(InputError, match=rf"version {here + 1} of the pixel path, this program has {here}; export it"):
        bundles.open_bundle(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 5000, "\xff", '{"format_version": 3}', "1e999"])
@pytest.mark.parametrize("name", [FACTS_FILE, "networks/finder/plan.json"])
def test_damaged_json_is_refused(folder, name, content):
    _reseal(folder, name, content)
    with pytest.raises(InputError, match=rf"{name} (cannot be used|is damaged|is of format)"):
        bundles.open_bundle(folder)


@pytest.fixture(scope="module")
def measured():
    return classification.report(drawing.random_scored(0), resamples=2)


def _show(opened, measured, output_dir):
    """Writes the card, the page and the JSON of an exam, by what a bundle says of itself."""
    facts = dataclasses.replace(opened.facts, data={**DATA, **opened.facts.data})
    model_card.render(facts, measured, {})
    about = formats.about(Service(opened))
    view = ViewResult(ViewRef("a", pathlib.Path("a.png"), None, None), "is truncated")
    exam = ExamResult("exam", (view,), {}, 0.5, False, None, 1.0)
    writer = PageWriter(output_dir, about)
    writer.close([exam])
    json.dumps(exam_json.to_json(exam, about.model, about.operating_point, output_dir), allow_nan=False)


@pytest.mark.parametrize("name", [FACTS_FILE, "networks/finder/plan.json", "networks/crop_classifier/plan.json"])
def test_any_field_with_any_value_is_refused_in_a_sentence_or_can_be_shown(tmp_path, name, measured):
    sound = _write(tmp_path / "bundle", data=DATA, calibration=Calibration(0.5, (0.0, 0.25, -1.0)))
    refused = shown = 0
    for place, document in wrong_json.variants(json.loads((sound / name).read_text())):
        _reseal(sound, name, json.dumps(document))
        try:
            opened = bundles.open_bundle(sound)
            _show(opened, measured, tmp_path)
            shown += 1
        except InputError as error:
            assert str(sound) in str(error), place
            assert str(error).isprintable(), place
            assert str(error).count("; ") >= 1, place  # what to do
            refused += 1
        except Exception as error:
            raise AssertionError(place) from error
    assert refused > shown > 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"concept": "oracle"}, "of the concept 'oracle', this program has"),
        ({"concept": "single_stage"}, "single_stage takes the networks detector, not finder, crop_classifier"),
        ({"networks": ["finder", "../finder"]}, r"has no network '\.\./finder'"),
        ({"height_px": 512}, "the finder takes 256 x 160 px, not 512 x 160"),
        ({"operating_points": {"screening": {"name": "screening", "threshold": 1.5}}}, "threshold of 1.5 cannot be"),
        ({"name": "a\x1b[31mred"}, "name must be a line"),
    ],
)
def test_facts_that_contradict_are_refused_by_what(folder, changes, sentence):
    facts = json.loads((folder / FACTS_FILE).read_text())
    _reseal(folder, FACTS_FILE, json.dumps(facts | changes))
    with pytest.raises(InputError, match=sentence):
        bundles.open_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shows": "views"}, "the breast judges views"),
        ({"height_px": 256}, "the breast takes 256 x 160 px, not 512 x 160"),
        ({"shows": "legs"}, "plan.json is damaged"),
    ],
)
def test_a_network_that_does_not_look_at_breasts_is_refused_where_one_should(tmp_path, changes, sentence):
    opened = bright_disc.write_joint(tmp_path)
    assert opened.facts.networks["breast"].height_px == 2 * opened.facts.height_px
    name = "networks/breast/plan.json"
    _reseal(tmp_path, name, json.dumps(json.loads((tmp_path / name).read_text()) | changes))
    with pytest.raises(InputError, match=sentence):
        bundles.open_bundle(tmp_path)


def test_a_signed_bundle_says_by_whom_and_an_unsigned_one_that_it_is_not(folder, tmp_path):
    unsigned = bundles.open_bundle(folder)
    assert (unsigned.signed_by, unsigned.info.signature) == (None, "unsigned")
    signed = bundles.open_bundle(_write(tmp_path / "signed", KEY))
    fingerprint = signing.fingerprint(KEY.public_key())
    assert signed.sha256 == unsigned.sha256
    assert signed.info.signed_by == fingerprint
    assert signed.info.signature == f"signed by {fingerprint[:16]} (not verified)"
    trusted = bundles.open_bundle(tmp_path / "signed", frozenset([fingerprint]))
    assert trusted.info.signature == f"signed by {fingerprint[:16]}"


def test_only_a_bundle_signed_by_a_trusted_key_is_opened_where_keys_are_given(folder, tmp_path):
    trusted = frozenset([signing.fingerprint(KEY.public_key())])
    with pytest.raises(InputError, match="is not signed; give a bundle that is signed by a key of --trust"):
        bundles.open_bundle(folder, trusted)
    other = _write(tmp_path / "other", OTHER_KEY)
    with pytest.raises(InputError, match=r"is signed by [0-9a-f]{64}, whom you do not trust"):
        bundles.open_bundle(other, trusted)


def test_a_signature_of_other_content_is_refused_whoever_is_trusted(folder, tmp_path):
    signed = _write(tmp_path / "signed", KEY)
    text = (signed / SIGNATURE_FILE).read_text()
    _reseal(signed, CARD_FILE, "# a better card\n")
    assert not (signed / SIGNATURE_FILE).exists()  # sealing anew takes away what does not hold
    for content in (text, "", "{}", json.dumps({"public_key": "AA==", "signature": "?"}), "[" * 9000):
        (signed / SIGNATURE_FILE).write_text(content)
        for trusted in (None, frozenset([signing.fingerprint(KEY.public_key())])):
            with pytest.raises(InputError, match=r"SHA256SUMS\.sig cannot be used: "):
                bundles.open_bundle(signed, trusted)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no model bundle"):
        bundles.open_bundle(tmp_path / "nowhere")


def test_the_last_bundle_of_all_runs_is_found(folder, tmp_path):
    later = _write(tmp_path / "a_run" / bundles.FOLDER_NAME, created="2026-02-01T00:00:00+00:00")
    for number, content in enumerate(["{", "[" * 5000, '{"created": 7}', '{"created": null}', "[]"]):
        damaged = tmp_path / f"z_run_{number}" / bundles.FOLDER_NAME
        damaged.mkdir(parents=True)
        (damaged / FACTS_FILE).write_text(content)
    assert bundles.find_last(tmp_path) == later
    assert bundles.find_last(tmp_path / "nowhere") is None
