import pathlib

import hypothesis
import pytest
from hypothesis import strategies as st

from mammo.clinical.labels import Laterality, Projection
from mammo.imaging.image_file import ImageFile
from mammo.inference import parts
from mammo.inference.exam_files import ExamFiles, ViewFile
from mammo.inference.parts import MOST_VIEWS, Parts

SIDES = st.sampled_from([*Laterality, None])
PROJECTIONS = st.sampled_from([*Projection, None])
LEFT, RIGHT, CC, MLO = Laterality.LEFT, Laterality.RIGHT, Projection.CC, Projection.MLO


def _views(*given):
    """Views of (side, projection), and perhaps what each is, where it is shown apart."""
    return [
        ViewFile(ImageFile(pathlib.Path(f"{number}.png")), laterality, projection, apart=next(iter(apart), None))
        for number, (laterality, projection, *apart) in enumerate(given)
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], [[]]),
        ([(LEFT, CC), (RIGHT, CC), (LEFT, MLO), (RIGHT, MLO)], [[0, 1, 2, 3]]),
        ([(LEFT, CC), (LEFT, MLO), (None, None), (RIGHT, CC), (RIGHT, MLO)], [[0, 1, 2], [3, 4]]),
        ([(RIGHT, CC), (LEFT, CC), (LEFT, CC), (LEFT, MLO), (RIGHT, MLO)], [[0, 4], [1, 2, 3]]),
        ([(LEFT, CC), (LEFT, CC), (LEFT, CC), (LEFT, CC), (LEFT, MLO)], [[0, 1, 2, 4], [3]]),
        (
            [(LEFT, CC, "a spot view"), (LEFT, CC, "a spot view"), (LEFT, CC), (LEFT, MLO, "a spot view"), (LEFT, MLO)],
            [[0, 2, 3, 4], [1]],
        ),
    ],
)
def test_both_projections_of_a_breast_are_in_one_part(given, expected):
    assert list(parts.deal(_views(*given))) == expected


@hypothesis.given(
    st.lists(st.tuples(SIDES, PROJECTIONS, st.sampled_from([None, "a spot view"])), min_size=1, max_size=12)
)
def test_parts_are_small_and_hold_each_view_once(given):
    dealt = list(parts.deal(_views(*given)))
    assert sorted(place for part in dealt for place in part) == list(range(len(given)))
    for part in dealt:
        assert 0 < len(part) <= MOST_VIEWS
        assert part == sorted(part)
    for side in Laterality:
        its = [place for place, (laterality, *_) in enumerate(given) if laterality == side]
        holding = [part for part in dealt if set(part) & set(its)]
        assert len(holding) == 1 or len(its) > MOST_VIEWS or not its
        judged = [place for place in its if given[place][2] is None]
        both = [next((place for place in judged if given[place][1] == one), None) for one in Projection]
        if None not in both:
            assert any(set(both) <= set(part) for part in dealt)


def test_the_last_part_of_each_exam_is_said_to_be_it():
    exams = [ExamFiles(name, tuple(_views(*[(LEFT, CC)] * count))) for name, count in (("a", 9), ("b", 1))]
    taken = Parts(exams)
    said = []
    while batch := taken.take(None):
        said += [(part.exam.exam_id, part.is_last) for of_batch in batch for part in of_batch]
    assert said == [("a", False), ("a", False), ("a", True), ("b", True)]
