import cv2
import numpy as np
import pytest

from data_tools.phantoms import cases, film, views
from data_tools.phantoms.cases import Breast, Case, Lesion, Physique

HEIGHT_PX = 240


def _case(volume="C", status="Cancer", **changes):
    lesion = Lesion(
        **{
            "is_malignant": status == "Cancer",
            "has_mass": True,
            "has_calcifications": False,
            "diameter_mm": 18.0,
            "depth": 0.5,
            "across": (0.2, 0.1),
            "subtlety": 5,
            "assessment": 5,
            "projections": cases.PROJECTIONS,
            "seed": 5,
            **changes,
        }
    )
    physique = Physique(90.0, 78.0, 50.0, 2, seed=3)
    breasts = {"LEFT": Breast(physique, (lesion,)), "RIGHT": Breast(physique, (lesion,))}
    return Case(f"{volume}_0001_1", status, volume, "0001", 60, 2, breasts)


def _draw(case, side="LEFT", projection="CC", seed=0, height_px=HEIGHT_PX):
    return views.draw(case, side, projection, height_px, np.random.default_rng(seed))


@pytest.mark.parametrize("volume", ["A", "B", "C", "D"])
@pytest.mark.parametrize("side", cases.SIDES)
@pytest.mark.parametrize("projection", cases.PROJECTIONS)
def test_chest_wall_is_where_the_volume_stores_it(volume, side, projection):
    view = _draw(_case(volume), side, projection)
    assert view.grey.dtype == np.float32
    assert 0.97 * HEIGHT_PX - 1 <= len(view.grey) <= HEIGHT_PX
    is_wall_right = (side == "RIGHT") != film.SCANNERS[volume].is_mirrored
    left, right = np.array_split(view.grey[len(view.grey) // 3 : -10, 12:-12], 2, axis=1)
    assert (right.mean() > left.mean()) == is_wall_right


@pytest.mark.parametrize("side", cases.SIDES)
@pytest.mark.parametrize("projection", cases.PROJECTIONS)
def test_obvious_masses_are_bright_where_they_are_outlined(side, projection):
    brighter = 0
    for seed in range(6):
        view = _draw(_case(status="Benign"), side, projection, seed)
        [(_, outline_px)] = view.abnormalities
        inside, around = (np.zeros(view.grey.shape, np.uint8) for _ in range(2))
        center = outline_px.mean(0)
        cv2.fillPoly(inside, [np.round(center + 0.5 * (outline_px - center)).astype(np.int32)], (1,))
        cv2.fillPoly(around, [np.round(center + 2.0 * (outline_px - center)).astype(np.int32)], (1,))
        cv2.fillPoly(around, [np.round(outline_px).astype(np.int32)], (0,))
        brighter += view.grey[inside > 0].mean() > view.grey[around > 0].mean() + 0.03
    assert brighter >= 5


def test_outlines_lie_on_the_view():
    for seed in range(10):
        view = _draw(_case(), "RIGHT", "MLO", seed)
        [(_, outline_px)] = view.abnormalities
        height_px, width_px = view.grey.shape
        assert outline_px.min() > 0
        assert outline_px[:, 0].max() < width_px
        assert outline_px[:, 1].max() < height_px


def test_a_lesion_is_as_far_behind_the_nipple_in_both_views():
    distances_mm = []
    for projection in cases.PROJECTIONS:
        view = _draw(_case("C", depth=0.4), "LEFT", projection, seed=1)
        spacing_mm = 2 * view.resolution_um / 1000
        [(_, outline_px)] = view.abnormalities
        rows = view.grey[:, : int(125 / spacing_mm)][int(outline_px[:, 1].min()) : int(outline_px[:, 1].max())]
        assert rows.size
        distances_mm.append(outline_px[:, 0].mean() * spacing_mm)
    # The nipple is at 90 mm in CC and within 6 mm of it in MLO; the lesion 36 mm behind it.
    assert distances_mm[0] == pytest.approx(54, abs=2.5)
    assert distances_mm[1] == pytest.approx(54, abs=8)


def test_sizes_are_in_millimetres():
    sizes_mm = []
    for height_px in (200, 400):
        view = _draw(_case(), height_px=height_px)
        [(_, outline_px)] = view.abnormalities
        sizes_mm.append(np.ptp(outline_px, axis=0) * 2 * view.resolution_um / 1000)
    assert np.allclose(sizes_mm[0], sizes_mm[1], rtol=0.02)


def test_a_lesion_hidden_in_a_view_is_not_outlined_there():
    case = _case(projections=("MLO",))
    assert not _draw(case, projection="CC").abnormalities
    assert len(_draw(case, projection="MLO").abnormalities) == 1


@pytest.mark.parametrize("depth_mm, half_height_mm", [(56, 52), (126, 108)])
@pytest.mark.parametrize("across", [-1.0, 1.0])
def test_extreme_breasts_hold_extreme_lesions(depth_mm, half_height_mm, across):
    case = _case(diameter_mm=0.5 * half_height_mm, depth=0.22, across=(across, across))
    physique = Physique(depth_mm, half_height_mm, 40.0, 4, seed=1)
    case.breasts["LEFT"] = Breast(physique, case.breasts["LEFT"].lesions)
    for projection in cases.PROJECTIONS:
        assert len(_draw(case, "LEFT", projection).abnormalities) == 1
