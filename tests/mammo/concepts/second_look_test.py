import cv2
import numpy as np
import pytest

from mammo.clinical.findings import Findings
from mammo.common.errors import InputError
from mammo.concepts import second_look
from mammo.concepts.second_look import FoundView
from mammo.config.data import CropConfig
from mammo.imaging import pixel_path
from mammo.imaging.image_file import ImageFile

OPTIONS = CropConfig(side_px=64, contexts=(2.0,), shift_share=0.0, scale_range=(1.0, 1.0))
LESION_XYXY_PX = np.array([150.0, 300, 190, 340])  # of the file


@pytest.fixture(scope="module", params=["left", "right"])
def view(request, tmp_path_factory):
    """A breast at one side of a film, with a bright disc in it, as a detector finds it on the prepared view."""
    rows, columns = np.mgrid[:800, :500] + 0.5
    breast = ((columns / 380) ** 2 + ((rows - 400) / 330) ** 2) < 1
    levels = np.where(breast, 90, 0)
    levels[(columns - 170) ** 2 + (rows - 320) ** 2 <= 20**2] = 250
    lesion = LESION_XYXY_PX
    if request.param == "right":
        levels, lesion = levels[:, ::-1], lesion[[2, 1, 0, 3]] * [-1, 1, -1, 1] + [500, 0, 500, 0]
    path = tmp_path_factory.mktemp("views") / "view.png"
    cv2.imwrite(str(path), levels.astype(np.uint8))
    pixels = ImageFile(path).read_pixels()
    prepared = pixel_path.prepare_view(pixels, pixel_path.find_breast(path, pixels), 256, 128)
    boxes = prepared.placement.to_output(lesion[None])
    return FoundView(path, prepared.placement, Findings(boxes, np.array([0.9]), np.array([0.0])))


def test_the_crop_shows_what_the_detector_found(view):
    (crop,) = second_look.cut(view, OPTIONS)
    rows, columns = np.nonzero(crop[..., 0] > 0.8)
    extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(extent, [16, 16, 48, 48], atol=2)


def test_each_view_has_its_findings_judged_in_order(view):
    nothing = Findings(np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    many = Findings(np.repeat(view.findings.boxes_xyxy_px, 12, axis=0), np.linspace(0.9, 0.1, 12), np.zeros(12))
    views = [view._replace(findings=found) for found in (view.findings, nothing, many, view.findings)]

    def classify(batch):
        assert batch.shape[1:] == (64, 64, 1)
        assert 0 < len(batch) <= second_look.MOST_FINDINGS
        return np.tile([[0.5, 0.1, 0.4]], [len(batch), 1])

    made = list(second_look.judge(views, classify, OPTIONS))
    assert [len(found.scores) for found in made] == [1, 0, second_look.MOST_FINDINGS, 1]
    assert made[0].scores[0] == pytest.approx(0.45)
    assert made[0].cancer_shares[0] == pytest.approx(0.8)


def test_a_file_that_is_gone_is_named(view, tmp_path):
    with pytest.raises(InputError, match=r"gone\.png is missing"):
        second_look.cut(view._replace(path=tmp_path / "gone.png"), OPTIONS)
