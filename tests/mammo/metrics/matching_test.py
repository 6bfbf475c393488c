import numpy as np
import pytest

from mammo.metrics import matching
from mammo.metrics.matching import Rule
from tests.mammo.metrics import drawing

LESION = (10, 10, 30, 30)
CENTRE = Rule("centre")
IOU = Rule("iou")


def test_the_overlap_is_that_of_known_boxes():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 9]], float)
    # Half of either box is shared: 50 / (100 + 100 - 50). The last box has no area.
    expected = np.array([[1, 1 / 3, 0, 0], [1 / 3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(matching.pairwise_iou(boxes, boxes), expected)


@pytest.mark.parametrize(
    ("box", "by_centre", "by_iou"),
    [
        (LESION, True, True),
        ((18, 18, 22, 22), True, False),  # far too small, but right in the middle
        ((20, 20, 40, 40), True, False),  # its centre is the lesion's corner: the border belongs to it
        ((21, 20, 41, 40), False, False),
        ((10, 10, 30, 50), True, True),  # IoU is exactly a half
        ((10, 10, 30, 52), False, False),
    ],
)
def test_where_a_detection_must_lie(box, by_centre, by_iou):
    result = drawing.make_result([LESION], [(0.9, box)])
    assert matching.match(result, CENTRE).is_hit.tolist() == [by_centre]
    assert matching.match(result, IOU).is_hit.tolist() == [by_iou]


def test_the_overlap_asked_for_can_be_chosen():
    result = drawing.make_result([LESION], [(0.9, (10, 10, 30, 60))])  # IoU 0.4
    assert matching.match(result, Rule("iou", minimum_iou=0.3)).is_hit.all()
    assert matching.match(result, Rule("iou", minimum_iou=0.5)).is_false_alarm.all()


def test_the_surest_finds_the_lesion_and_the_next_is_a_repeat():
    result = drawing.make_result([LESION], [(0.5, LESION), (0.9, (12, 12, 32, 32)), (0.3, (90, 90, 95, 95))])
    for rule in (CENTRE, IOU):
        matches = matching.match(result, rule)
        assert matches.lesions.tolist() == [0, -1, -1]
        assert matches.is_repeat.tolist() == [False, True, False]
        assert matches.is_false_alarm.tolist() == [False, False, True]


def test_a_detection_on_two_lesions_finds_the_one_it_covers_best_and_leaves_the_other():
    result = drawing.make_result([LESION, (12, 12, 32, 32)], [(0.9, (12, 12, 32, 32)), (0.8, (12, 12, 32, 32))])
    assert matching.match(result, CENTRE).lesions.tolist() == [1, 0]
    alone = drawing.make_result([LESION, (12, 12, 32, 32)], [(0.9, (12, 12, 32, 32))])
    assert matching.match(alone, CENTRE).lesions.tolist() == [1]


def test_classes_count_only_where_the_rule_says_so():
    result = drawing.make_result([LESION], [(0.9, LESION)], truth_classes=[0], classes=[1])
    assert matching.match(result, CENTRE).is_hit.all()
    assert matching.match(result, Rule("centre", class_aware=True)).is_false_alarm.all()


def test_an_image_without_lesions_or_without_detections():
    assert matching.match(drawing.make_result([], [(0.9, LESION)]), CENTRE).is_false_alarm.tolist() == [True]
    assert matching.match(drawing.make_result([LESION]), CENTRE).lesions.shape == (0,)
    assert matching.match(drawing.make_result(), IOU).is_repeat.shape == (0,)


@pytest.mark.parametrize("seed", range(20))
def test_a_lesion_is_found_once_and_each_detection_is_one_thing(seed):
    for result in drawing.random_results(seed):
        for rule in (CENTRE, IOU, Rule("iou", 0.1, class_aware=True)):
            matches = matching.match(result, rule)
            found = matches.lesions[matches.is_hit]
            assert len(np.unique(found)) == len(found)
            kinds = matches.is_hit.astype(int) + matches.is_repeat + matches.is_false_alarm
            assert (kinds == 1).all()
