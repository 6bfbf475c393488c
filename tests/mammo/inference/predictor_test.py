"""Networks of known behaviour through the real path: what they find must lie on the tissue of the file."""

import concurrent.futures

import cv2
import numpy as np
import pytest
import tensorflow as tf

from mammo.clinical import rules
from mammo.clinical.calibration import Calibration
from mammo.clinical.labels import Laterality, Projection
from mammo.imaging.image_file import ImageFile
from mammo.inference import networks, reading
from mammo.inference.exam_files import ViewFile
from mammo.inference.predictor import Predictor
from tests import dicoms, drawing
from tests.mammo.inference import bright_disc

DISC = (150, 320, 24)  # x, y and radius in pixels of the file
LESION_XYXY_PX = np.array([126.0, 296, 174, 344])
SCALE = bright_disc.HEIGHT_PX / 640  # at most: one pixel of the working size is at least so much of the file's


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return bright_disc.write(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def asked(opened):
    return Predictor(opened)


def draw(*discs, chest_wall="left"):
    """A dark breast, with bright discs."""
    view = drawing.draw_view(640, 416, chest_wall=chest_wall)
    view[view > 60] = 60
    for x, y, radius in discs:
        cv2.circle(view, (x, y), radius, (250,), -1)
    return view


def read(*paths):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        views = reading.read(
            [ViewFile(ImageFile(path)) for path in paths], bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX, pool
        )
    assert [view.reason for view in views] == [None] * len(paths)
    return views


def mirrored(box, width_px=416):
    return np.array([width_px - box[2], box[1], width_px - box[0], box[3]])


def test_boxes_lie_on_the_tissue_of_the_file_whichever_side_it_is(asked, tmp_path):
    left = drawing.write(tmp_path / "left.png", draw(DISC))
    right = drawing.write(tmp_path / "right.png", np.ascontiguousarray(draw(DISC)[:, ::-1]))
    views = read(left, right)
    pixel_px = 1 / min(min(view.prepared.placement.scale_yx) for view in views)
    one, other = asked.predict(views)
    for answer, lesion in ((one, LESION_XYXY_PX), (other, mirrored(LESION_XYXY_PX))):
        assert len(answer.findings.scores) == 1
        np.testing.assert_allclose(answer.findings.boxes_xyxy_px[0], lesion, atol=pixel_px)
        assert answer.findings.scores[0] == pytest.approx(0.8 * 0.95)  # the crop is background by 0.05
        assert answer.findings.cancer_shares[0] == pytest.approx(0.9 / 0.95)
    np.testing.assert_allclose(list(one.scores.values()), list(other.scores.values()), atol=1e-6)


def test_a_view_without_a_lesion_has_no_findings_and_is_surely_normal(asked, tmp_path):
    (answer,) = asked.predict(read(drawing.write(tmp_path / "view.png", draw())))
    assert len(answer.findings.scores) == 0
    assert answer.scores["normal"] > 0.99
    assert sum(answer.scores.values()) == pytest.approx(1)


def test_one_batch_says_what_views_say_alone(asked, tmp_path):
    paths = [
        drawing.write(tmp_path / f"{number}.png", draw(*discs))
        for number, discs in enumerate([(), (DISC,), ((100, 250, 15),)])
    ]
    together = asked.predict(read(*paths))
    for path, answer in zip(paths, together, strict=True):
        (alone,) = asked.predict(read(path))
        np.testing.assert_allclose(alone.findings.boxes_xyxy_px, answer.findings.boxes_xyxy_px, atol=1e-3)
        assert alone.scores == pytest.approx(answer.scores, abs=1e-6)
    assert asked.predict([]) == []


def test_png_jpeg_and_dicom_of_one_view_give_the_same_findings(asked, tmp_path):
    pixels = draw(DISC)
    png = drawing.write(tmp_path / "view.png", pixels)
    deep = drawing.write(tmp_path / "deep.png", pixels.astype(np.uint16) * 257)
    jpeg = tmp_path / "view.jpg"
    cv2.imwrite(str(jpeg), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    dicom = dicoms.write(tmp_path / "view.dcm", dicoms.make_image(pixels, 8))
    first, *others = [asked.predict(read(path))[0] for path in (png, deep, jpeg, dicom)]
    for other in others:
        assert len(other.findings.scores) == 1
        np.testing.assert_allclose(other.findings.boxes_xyxy_px, first.findings.boxes_xyxy_px, atol=1 / SCALE)
        np.testing.assert_allclose(other.findings.scores, first.findings.scores, atol=0.01)
        assert other.scores == pytest.approx(first.scores, abs=0.01)


def _find_in_upper_half(image):
    """Finds what is bright in the upper half of the frame, and nothing else: no network is less symmetric."""
    upper = tf.cast(tf.greater(bright_disc.HEIGHT_PX // 2, tf.range(bright_disc.HEIGHT_PX)), tf.float32)
    return bright_disc.find(image * upper[:, None, None])


@pytest.mark.parametrize("height_px", [640, 500])
def test_flips_look_at_the_tissue_mirrored_and_find_what_one_look_misses(tmp_path, height_px):
    """The lesion lies in the lower half of the tissue: only in the mirror image does this finder see it."""
    lesion = (150, height_px - 120, 20)
    pixels = drawing.draw_view(height_px, 416)
    pixels[pixels > 60] = 60
    cv2.ellipse(pixels, (0, height_px // 2), (240, height_px // 2 - 5), 0, 0, 360, (60,), -1)  # tissue fills the frame
    cv2.circle(pixels, lesion[:2], lesion[2], (250,), -1)
    views = read(drawing.write(tmp_path / "view.png", pixels))
    found = {}
    for flips in (False, True):
        folder = tmp_path / f"bundle-{flips}"
        opened = bright_disc.write(folder, finder=_find_in_upper_half, flips=flips)
        (answer,) = Predictor(opened).predict(views)
        found[flips] = answer.findings
    assert len(found[False]) == 0
    assert len(found[True]) == 1
    x, y, radius = lesion
    np.testing.assert_allclose(
        found[True].boxes_xyxy_px[0], [x - radius, y - radius, x + radius, y + radius], atol=2 / SCALE
    )
    # Found in one of two looks, it counts half.
    assert found[True].scores[0] == pytest.approx(0.4 * 0.95)


def test_probabilities_are_calibrated_and_findings_are_not(tmp_path, asked):
    views = read(drawing.write(tmp_path / "view.png", draw(DISC)))
    (plain,) = asked.predict(views)
    chosen = Calibration(2.0, (0.0, 0.0, -1.0))
    (answer,) = Predictor(bright_disc.write(tmp_path / "bundle", calibration=chosen)).predict(views)
    expected = chosen.apply(rules.of_findings(plain.findings)[None])[0]
    np.testing.assert_allclose(list(answer.scores.values()), expected, atol=1e-6)
    np.testing.assert_allclose(answer.findings.scores, plain.findings.scores)


def test_a_breast_is_asked_about_once_and_both_its_views_get_the_answer(tmp_path):
    """Of two exams in one batch, with breasts of two views, of one, and of an unknown side."""
    given = [  # exam, side, projection, and whether there is a lesion
        ("a", "left", "cc", True), ("b", "left", "cc", False), ("a", "left", "mlo", False), ("a", "right", "mlo", True),
        ("b", "left", "mlo", True), ("a", None, "cc", True), ("a", None, None, False), ("b", "right", "cc", True),
    ]  # fmt: skip
    cancer = [0.6, 0.35, 0.6, 0.35, 0.35, 0.6, 0.1, 0.6]
    files = [
        ViewFile(
            ImageFile(drawing.write(tmp_path / f"{number}.png", draw(*[DISC] * is_there))),
            Laterality(side) if side else None,
            Projection(projection) if projection else None,
        )
        for number, (_, side, projection, is_there) in enumerate(given)
    ]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # each alone: drawn alike, they would be one image
        views = [reading.read([file], bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX, pool)[0] for file in files]
    answers = Predictor(bright_disc.write_joint(tmp_path / "bundle")).predict(views, [exam for exam, *_ in given])
    for answer, (*_, is_there), expected in zip(answers, given, cancer, strict=True):
        lesion = answer.scores["benign"] + answer.scores["cancer"]
        assert lesion == pytest.approx(0.8 * 0.95 if is_there else 1e-3)
        share = (0.9 / 0.95 + expected) / 2 if is_there else 0.5  # by the crop, and by the breast
        assert answer.scores["cancer"] / lesion == pytest.approx(share, abs=1e-4)
        assert answer.findings.cancer_shares.tolist() == pytest.approx([share] * is_there, abs=1e-4)


def test_bfloat16_says_about_the_same(opened, asked, tmp_path):
    views = read(drawing.write(tmp_path / "view.png", draw(DISC)))
    (exact,) = asked.predict(views)
    coarse = Predictor(opened, precision="bfloat16")
    assert coarse.precision == "bfloat16"
    (answer,) = coarse.predict(views)
    assert answer.scores == pytest.approx(exact.scores, abs=0.02)
    networks.set_precision("float32")
