import numpy as np
import pytest

from mammo.imaging import marking

A, B, AWAY = (10, 10, 30, 30), (60, 60, 90, 90), (100, 100, 120, 120)
CYAN, ORANGE = [0x66, 0xCC, 0xEE], [0xFF, 0xB0, 0x4D]


def test_truth_and_what_is_at_the_threshold_are_drawn():
    truth, found = np.array([A], np.float64), np.array([B, AWAY], np.float64)
    picture = marking.detected(np.full((140, 140), 0.5, np.float32), truth, found, np.array([0.9, 0.2]), 0.5)
    assert (picture.shape, picture.dtype) == ((140, 140, 3), np.uint8)
    assert picture[20, 10].tolist() == CYAN
    assert picture[75, 60].tolist() == ORANGE
    assert picture[110, 100].tolist() == picture[0, 0].tolist() == [128] * 3


@pytest.mark.parametrize("shape", [(64, 48), (512, 320), (1024, 600)])
def test_writing_stands_at_the_top_right_and_grows_with_the_image(shape):
    boxes = np.array([[5, shape[0] // 2, 25, shape[0] // 2 + 10]], np.float32)
    picture = marking.classified(
        np.zeros(shape, np.float32), boxes, "cancer", ("normal", "cancer"), np.array([0.9, 0.1])
    )
    assert picture.shape == (*shape, 3)
    rows, columns = np.nonzero(picture[: shape[0] // 3].any(axis=-1))
    assert rows.max() > shape[0] / 22  # three lines, of which the image has room for 22
    assert columns.max() > 0.8 * shape[1]
    assert picture[shape[0] // 2 + 5, 5].tolist() == CYAN


def test_an_image_without_lesions_is_left_as_it_was_below_the_writing():
    image = np.random.default_rng(0).random((200, 100)).astype(np.float32)
    picture = marking.classified(image, np.zeros((0, 4)), "normal", ("normal", "cancer"), np.array([0.5, 0.5]))
    np.testing.assert_array_equal(picture[100:, :, 0], (image[100:] * 255).round().astype(np.uint8))
