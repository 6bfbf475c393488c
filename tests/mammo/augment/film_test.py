import numpy as np
import tensorflow as tf

from mammo.augment import film


def test_grain_is_no_tissue_and_its_weight_rises_from_black_without_a_step():
    levels = tf.constant([0.0, 0.01, 0.05, 0.1, 0.2, 1.0])
    assert film.is_tissue(levels).numpy().tolist() == [False, False, False, False, True, True]
    np.testing.assert_allclose(film.tissue_weight(levels), [0, 0.1, 0.5, 1, 1, 1], rtol=1e-6)
