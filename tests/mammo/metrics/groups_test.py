import numpy as np
import pytest

from mammo.imaging.placements import Placement
from mammo.metrics import groups
from tests.mammo.metrics import drawing

LARGE, SMALL = (0, 0, 60, 60), (0, 0, 6, 6)


@pytest.mark.parametrize(
    ("years", "group"),
    [
        (-1, "unknown"),
        (49.9, "under 50"),
        (50, "50 to 59"),
        (69.5, "60 to 69"),
        (70, "70 and over"),
        (101, "70 and over"),
    ],
)
def test_ages_fall_into_decades(years, group):
    assert groups.of_images([drawing.make_facts(age_years=years)])["age"] == [group]


def test_what_is_not_known_is_called_so():
    made = groups.of_images([drawing.make_facts(density=0, age_years=-1, projection="", volume="")])
    assert made == {kind: ["unknown"] for kind in ("density", "age", "projection", "volume")}


@pytest.mark.parametrize(
    ("diameter_mm", "group"),
    [(9.9, "under 10 mm"), (10.1, "10 to 20 mm"), (20.1, "20 to 50 mm"), (50.1, "50 mm and over")],
)
def test_a_lesions_size_is_the_diameter_of_a_circle_of_its_area(diameter_mm, group):
    area_px = np.pi / 4 * (diameter_mm / 0.05) ** 2
    facts = drawing.make_facts([SMALL], areas_px=np.array([area_px], np.float32), source_spacing_mm=0.05)
    assert groups.lesion_sizes(facts) == [group]


def test_without_the_side_of_a_pixel_it_is_a_share_of_the_height_of_the_source():
    # Shown at half its size: a box of 6 pixels is one of 12 in the source, 400 pixels high.
    halved = Placement((0, 0, 200, 400), 200, 100, False)
    facts = drawing.make_facts([SMALL, LARGE], source_height_px=400, placement=halved)
    assert groups.lesion_sizes(facts) == ["under 5 % of the height", "over 20 % of the height"]
    assert groups.largest_lesions([facts]) == ["over 20 % of the height"]


def test_a_lesion_that_is_not_outlined_has_no_size():
    assert groups.lesion_sizes(drawing.make_facts()) == []
    assert groups.largest_lesions([drawing.make_facts(label=2)]) == ["unknown"]


def test_members_come_in_a_readers_order_and_only_where_there_are_any():
    made = groups.members("age", ["70 and over", "unknown", "under 50", "70 and over"])
    assert list(made) == ["under 50", "70 and over", "unknown"]
    assert made["70 and over"].tolist() == [True, False, False, True]
    assert list(groups.members("volume", ["D", "A"])) == ["A", "D"]
    assert groups.members("age", []) == {}
