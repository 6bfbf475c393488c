import numpy as np
import pytest
import tensorflow as tf

from mammo.data.batch import grey_levels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("in_graph", [False, True])
def test_every_level_is_divided_by_the_largest_of_its_type_to_the_bit(dtype, in_graph):
    most = np.iinfo(dtype).max
    levels = np.arange(most + 1).astype(dtype)
    made = (tf.function(grey_levels) if in_graph else grey_levels)(tf.constant(levels))
    assert made.dtype == tf.float32
    np.testing.assert_array_equal(made, levels.astype(np.float32) / np.float32(most))
    assert (float(made[0]), float(made[-1])) == (0, 1)


@pytest.mark.parametrize("make", [np.asarray, tf.constant])
def test_floats_are_grey_levels_as_they_are(make):
    levels = np.array([0, 0.25, 1], np.float32)
    np.testing.assert_array_equal(grey_levels(make(levels)), levels)
