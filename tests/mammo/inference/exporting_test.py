"""Bundles of models as they were drawn: that they say what the models say, not whether that is right."""

import concurrent.futures
import json

import numpy as np
import pytest

from data_tools import preparation
from mammo import presets
from mammo.common.errors import InputError
from mammo.concepts import trained_models
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.concept import Role
from mammo.concepts.evidence import Evidence
from mammo.config import comparison
from mammo.data.shards import Shards
from mammo.imaging.image_file import ImageFile
from mammo.inference import exporting, reading
from mammo.inference.bundle_facts import FORMAT_VERSION
from mammo.inference.exam_files import ViewFile
from mammo.inference.predictor import Predictor
from mammo.inference.sealing import CARD_FILE, FACTS_FILE, SUMS_FILE
from mammo.models import plans
from mammo.stages import stages
from tests.mammo.models import short_darknet
from tests.mammo.training import untrained

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_USED = ("finder", "crop_classifier", "tumour", "malignancy", "breast")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison")


@pytest.fixture(scope="module")
def config():
    made = presets.PRESETS["comparison"].get_config()
    made.models.breast = made.models.malignancy.copy_and_resolve_references()
    made.data.update({"phantom_exams": 24, "phantom_height_px": 320, "height_px": 96, "width_px": 64})
    for name in _USED:
        model = made.models[name]
        model.optimizer.warmup_steps = 0
        model.train_steps, model.evaluate_every_steps, model.save_every_steps = 2, 2, 0
        model.input.batch_size, model.precision = 4, "float32"
    made.models.crop_classifier.averaged_looks = 8
    made.models.crop_classifier.crop.update({"side_px": 32, "contexts": (1.0, 2.0)})
    return comparison.from_fields(made)


@pytest.fixture(scope="module")
def shards(config, folder):
    return Shards.open(preparation.prepare(None, folder / "data", config.data))


@pytest.fixture(scope="module")
def found(config, folder, shards):
    breasts = Shards.open(preparation.join(shards, folder / "data"))
    for name in _USED:
        data = breasts if name == "breast" else shards
        untrained.write(folder / "models" / name, config.models[name], config.data, data)
    return trained_models.with_looks(trained_models.find([folder], shards), _LOOKS)


@pytest.fixture(scope="module")
def source_dir(shards):
    return preparation.find_source_of(shards.folder)


_LOOKS = 2  # at a crop, of the eight that its classifier was trained with
_EXPORTS = [("joint", True), ("hierarchical", False)]


@pytest.fixture(scope="module", params=_EXPORTS, ids=lambda param: f"{param[0]}{'-flips' if param[1] else ''}")
def exported(request, found, folder, shards, source_dir):
    concept, flips = request.param
    output_dir = folder / "bundles" / f"{concept}-{flips}"
    if concept == "hierarchical":  # over another bundle
        output_dir.mkdir(parents=True)
        for name in (SUMS_FILE, "stale.txt"):
            (output_dir / name).touch()
    output_dir.parent.mkdir(exist_ok=True)
    # Without flips, with weights in half the bytes: its answers are held to those of the models as they were trained.
    options = {"flips": flips, "halved": not flips}
    return exporting.export("a name", CONCEPTS[concept], found, shards, source_dir, output_dir, **options)


def test_a_bundle_answers_for_files_as_its_concept_does_for_their_shards(exported, found, shards, source_dir):
    infos = shards.describe("test")
    keys = sorted(infos)
    files = [
        ViewFile(ImageFile(source_dir / infos[key].path), infos[key].laterality, infos[key].projection) for key in keys
    ]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        views = reading.read(files, exported.facts.height_px, exported.facts.width_px, pool)
    asked = Predictor(exported, precision="float32")
    said = asked.predict(views, [infos[key].exam_id for key in keys])
    rows = [answer.scores for answer in said]
    evidence = _evidence(found, shards, source_dir, flips=exported.facts.flips)
    answers = evidence.answers(CONCEPTS[exported.facts.concept], "test")
    expected = answers.scored.calibrated(exported.facts.calibration).probabilities
    # The crop of a lesion may be widened in shards, so that no outline is cut: such a breast may differ.
    widened = {
        (infos[key].exam_id, infos[key].laterality)
        for key, view in zip(keys, views, strict=True)
        if view.prepared is None or infos[key].placement != view.prepared.placement
    }
    whole = [(infos[key].exam_id, infos[key].laterality) not in widened for key in keys]
    assert np.mean(whole) > 0.8
    np.testing.assert_allclose(
        np.array([list(row.values()) for row in rows])[whole], expected[whole], atol=5e-3
    )  # shards hold 16 bits
    if answers.results is not None:
        of_whole = [
            pair for pair, is_whole in zip(zip(said, answers.results, strict=True), whole, strict=True) if is_whole
        ]
        surest = np.array([[answer.findings.scores[:1].sum(), result.scores[:1].sum()] for answer, result in of_whole])
        assert (surest > 0).any(axis=0).all()
        np.testing.assert_allclose(surest[:, 0], surest[:, 1], atol=5e-3)


def _evidence(found, shards, source_dir, *, flips=False):
    return Evidence(lambda role: trained_models.open_model(found[role]), shards, source_dir, flips=flips)


def test_it_tells_what_it_is_of_and_what_was_measured(exported, found, shards):
    facts = exported.facts
    assert facts.name == "a name"
    assert facts.data["is_phantom"]
    assert facts.data["manifest_sha256"]
    assert (facts.height_px, facts.width_px) == (96, 64)
    assert set(facts.operating_points) == {"screening", "balanced"}
    assert facts.figures["n"]["images"] == len(shards.describe("test"))
    assert facts.gives_boxes == (facts.concept == "joint")
    if facts.gives_boxes:
        assert facts.networks["finder"].anchors.sizes_px
        assert facts.networks["crop_classifier"].crop.side_px == 32
        assert facts.networks["crop_classifier"].averaged_looks == _LOOKS
        assert 0 <= facts.finding_threshold <= 1
    for role, plan in facts.networks.items():
        assert plan == found[role].stage.plan
        assert plan.data == plans.read(found[role].folder).data
    card = (exported.folder / CARD_FILE).read_text()
    assert ("by both projections of a breast as well" in card) == (facts.concept == "joint")
    assert ("It reads views one by one" in card) == (facts.concept != "joint")
    assert "not a medical device" in card
    assert "phantoms" in card
    assert all(f"{point.threshold:.4f}" in card for point in facts.operating_points.values())
    assert str(facts.data["manifest_sha256"]) in card


def test_nothing_in_it_is_pickled_and_nothing_else_is_left(exported):
    assert not (exported.folder / "stale.txt").exists()
    assert {path.name for path in exported.folder.rglob("*") if path.is_file()} == {
        "bundle.json", "MODEL_CARD.md", "SHA256SUMS", "plan.json", "graph.pb",
    }  # fmt: skip
    assert sorted(path.name for path in exported.folder.parent.iterdir() if path.suffix in (".partial", ".old")) == []


def test_nothing_but_a_bundle_is_replaced(exported, found, shards, source_dir, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="holds something else than a bundle"):
        exporting.export("b", CONCEPTS[exported.facts.concept], found, shards, source_dir, tmp_path / "precious")


def test_a_model_of_breasts_is_told_by_its_plan_and_one_that_no_concept_asks_is_refused(
    found, config, shards, folder, tmp_path
):
    assert {role: found[role].stage.plan.shows for role in (Role.BREAST, Role.MALIGNANCY)} == {
        Role.BREAST: "breasts",
        Role.MALIGNANCY: "views",
    }
    breasts = Shards.open(preparation.join(shards, folder / "data"))
    untrained.write(tmp_path / "run", config.models["tumour"], config.data, breasts)
    with pytest.raises(InputError, match="run is a tumour of breasts, which no concept asks; train a malignancy"):
        trained_models.find([tmp_path / "run"], shards)
    with pytest.raises(InputError, match="holds images of breasts, but the model takes views; give the shards of view"):
        stages.from_plan(found[Role.MALIGNANCY].stage.plan, breasts)
    with pytest.raises(InputError, match="of views, but the model takes breasts; join them with //data_tools:breasts"):
        stages.from_plan(found[Role.BREAST].stage.plan, shards)


def test_the_concept_is_what_the_models_make_up(found):
    assert exporting.choose(found, None).name == "multi_stage"
    assert exporting.choose(found, "hierarchical_gated").name == "hierarchical_gated"
    halves = {role: found[role] for role in (Role.TUMOUR, Role.MALIGNANCY)}
    assert exporting.choose(halves, None).name == "hierarchical"
    with pytest.raises(InputError, match="takes the models detector, but there are breast, crop_classifier"):
        exporting.choose(found, "single_stage")
    with pytest.raises(InputError, match=r"the models \(tumour\) make up no concept"):
        exporting.choose({Role.TUMOUR: found[Role.TUMOUR]}, None)


def test_a_run_alone_is_found_by_what_it_is(found, folder, shards, tmp_path):
    alone = trained_models.find([found["finder"].folder, found["tumour"].folder], shards)
    assert set(alone) == {"finder", "tumour"}
    with pytest.raises(InputError, match="are both a tumour"):
        trained_models.find([folder, found["tumour"].folder], shards)
    with pytest.raises(InputError, match="holds no run"):
        trained_models.find([tmp_path], shards)


def test_source_files_that_are_gone_are_told_before_anything_is_measured(found, shards, tmp_path):
    with pytest.raises(InputError, match="is missing, which the shards were made of"):
        exporting.export("c", CONCEPTS["multi_stage"], found, shards, tmp_path, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_the_facts_are_readable_by_any_program(exported):
    facts = json.loads((exported.folder / FACTS_FILE).read_text())
    assert facts["format_version"] == FORMAT_VERSION
    assert facts["pixel_path_version"]
    assert facts["networks"] == list(exported.facts.networks)
