import subprocess
import sys

import numpy as np

from mammo.augment import addons
from tests import programs


def test_the_transform_maps_output_to_input():
    image = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    moved = addons.transform_images(image, [[1.0, 0, 1, 0, 1, 0, 0, 0]], "bilinear")  # of x + 1
    np.testing.assert_array_equal(moved[0, :, :3, 0], image[0, :, 1:, 0])
    assert (moved[0, :, 3, 0].numpy() == 0).all()


def test_nothing_is_said_of_its_end_where_a_person_reads():
    command = [sys.executable, "-c", "from mammo.augment import addons"]
    ended = subprocess.run(command, capture_output=True, text=True, env=programs.environment(), check=True)
    assert "ended development" not in ended.stderr
