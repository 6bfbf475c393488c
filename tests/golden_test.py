"""Figures pinned, so that no change of the code or of a library moves them unseen.

Whoever changes one on purpose says so in the commit, and raises `PIXEL_PATH_VERSION` where images change.
"""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_tools import splits
from data_tools.phantoms import layout
from data_tools.source import ListedExam
from mammo.augment import seeds
from mammo.clinical.labels import Label
from mammo.imaging import pixel_path
from mammo.imaging.image_file import ImageFile
from mammo.inference import listing
from mammo.inference.predictor import Predictor
from mammo.inference.service import Service
from mammo.metrics import froc
from mammo.metrics.image_results import ImageResult
from mammo.metrics.matching import Rule
from tests import drawing
from tests.mammo.inference import bright_disc


def test_pixel_path_of_a_phantom_view(tmp_path):
    layout.write_exams(tmp_path, 1, 0, height_px=320, workers=1)
    path = sorted(tmp_path.rglob("*LEFT_MLO.jpg"))[0]
    pixels = ImageFile(path).read_pixels()
    breast = pixel_path.find_breast(path, pixels)
    prepared = pixel_path.prepare_view(pixels, breast, 128, 64)
    assert (path.name, pixels.shape) == ("C_0001_1.LEFT_MLO.jpg", (314, 157))
    assert breast.box_xyxy_px == prepared.placement.window_xyxy_px == (0, 0, 140, 314)
    assert (breast.background_level, breast.dense_level) == pytest.approx((7.6029, 199.788), abs=1e-3)
    assert (prepared.placement.content_height_px, prepared.placement.content_width_px) == (128, 57)
    blocks = [
        [0.588, 0.1722, 0.0011, 0.0003],
        [0.5656, 0.2382, 0.0111, 0.0003],
        [0.4682, 0.3524, 0.1172, 0.0009],
        [0.4531, 0.5099, 0.3635, 0.0056],
        [0.3645, 0.6614, 0.6405, 0.0328],
        [0.4266, 0.5023, 0.4729, 0.0114],
        [0.2187, 0.1619, 0.0503, 0.0008],
        [0.0378, 0.0016, 0.0013, 0.0006],
    ]
    np.testing.assert_allclose(prepared.image.reshape(8, 16, 4, 16).mean((1, 3)), blocks, atol=2e-4)


def test_split_of_twenty_patients():
    exams_of = [ListedExam(f"A_{n:04d}", f"A_{n:04d}_1", Label(n % 3), "A", None, None, ()) for n in range(20)]
    split_of = splits.split_by_patient(exams_of, seed=0)
    held_out = {
        split: [patient for patient, its in split_of.items() if its == split] for split in ("validation", "test")
    }
    assert held_out == {"validation": ["A_0003", "A_0008", "A_0010"], "test": ["A_0001", "A_0002", "A_0004"]}
    assert len(split_of) == 20


def test_first_draws_of_a_seed():
    draws = seeds.uniform(tf.constant([7, 0]), tf.constant([0, 1, 1 << 33], tf.int64))
    expected = [
        [[0.3674496, 0.2351664, 0.9173156], [0.9870422, 0.5262341, 0.9933058]],
        [[0.5409367, 0.1593654, 0.9843706], [0.4360123, 0.0865434, 0.1897321]],
        [[0.1687241, 0.1277019, 0.5669197], [0.1724749, 0.8819536, 0.2310930]],
    ]
    np.testing.assert_allclose(draws[:, :2, :3], expected, atol=1e-6)
    noise = seeds.noise(tf.constant([7, 0]), tf.constant([5], tf.int64), (2, 2))
    np.testing.assert_allclose(noise[0], [[-0.1847656, -0.2104806], [1.1188868, 0.9077750]], atol=1e-6)
    kept = seeds.kept(tf.constant([7, 0]), tf.constant([5], tf.int64), 12, 0.5)
    assert np.flatnonzero(kept[0]).tolist() == [1, 3, 5, 9]


def test_froc():
    random = np.random.default_rng(0)
    results = []
    for number in range(12):
        truth = np.array([[10.0, 10, 30, 30], [50, 50, 70, 80]])[: number % 3]
        corners = random.uniform(0, 60, (6, 2))
        found = np.concatenate([corners, corners + random.uniform(10, 30, (6, 2))], 1)
        found[: len(truth)] = truth + random.normal(0, 4, truth.shape)
        scores = np.sort(random.uniform(0, 1, 6))[::-1]
        results.append(
            ImageResult(
                f"P{number // 2}", f"{number}.png", truth, np.zeros(len(truth), np.int64), found, scores,
                np.zeros(6, np.int64), label=int(len(truth) > 0),
            )
        )  # fmt: skip
    events = froc.collect(results, Rule("centre"))
    found = froc.sensitivity(events, list(froc.RATES.values()))[0] * 12
    np.testing.assert_allclose(found, [1, 7, 10, 11, 12, 12, 12])
    made = froc.summarise(events, resamples=200, seed=0)
    assert made["score"] == pytest.approx({"value": 0.773810, "low": 0.542778, "high": 0.934184}, abs=1e-6)
    assert made["sensitivity_at"]["1"] == pytest.approx({"value": 11 / 12, "low": 0.598889, "high": 1.0}, abs=1e-6)


def test_answer_of_a_bundle(tmp_path):
    def view(name, *discs, chest_wall="left"):
        pixels = drawing.draw_view(640, 416, chest_wall=chest_wall)
        pixels[pixels > 60] = 60
        for x, y, radius in discs:
            cv2.circle(pixels, (x, y), radius, (250,), -1)
        return drawing.write(tmp_path / "exam" / f"{name}.png", pixels)

    view("LEFT_CC", (150, 320, 24))
    view("LEFT_MLO")
    view("RIGHT_CC", chest_wall="right")
    view("RIGHT_MLO", (276, 330, 20), chest_wall="right")
    opened = bright_disc.write(tmp_path / "bundle")
    service = Service(opened, make_predictor=lambda bundle: Predictor(bundle, precision="float32"))
    parts = service.stream(listing.list_exams([tmp_path / "exam"]).exams)
    (answer,) = [part.result for part in parts if part.result]
    cancer = {view.view.name: view.scores["cancer"] for view in answer.views if view.scores}
    assert cancer == pytest.approx({"LEFT_CC": 0.72, "LEFT_MLO": 5e-4, "RIGHT_CC": 5e-4, "RIGHT_MLO": 0.72}, abs=1e-6)
    boxes = {view.view.name: finding.box_xyxy_px for view in answer.views for finding in view.findings}
    np.testing.assert_allclose(boxes["LEFT_CC"], [127.3846, 296.9297, 173.5385, 343.2188], atol=1e-3)
    np.testing.assert_allclose(boxes["RIGHT_MLO"], [257.2308, 311.7422, 296.0, 348.7734], atol=1e-3)
    assert set(boxes) == {"LEFT_CC", "RIGHT_MLO"}
    scores = {side: breast.score for side, breast in answer.breasts.items()}
    assert scores == pytest.approx({"right": 0.36025, "left": 0.36025}, abs=1e-6)
    assert answer.score == pytest.approx(0.36025, abs=1e-6)
    assert answer.is_above
