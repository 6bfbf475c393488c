import numpy as np
import pytest

from mammo.data.batch import Batch
from mammo.stages import rows
from tests.mammo.metrics.drawing import Facts

FACTS = {7: Facts("p"), 9: Facts("q")}


def _batch(keys, is_real):
    nothing = np.zeros(len(keys))
    return Batch(nothing, nothing, nothing, nothing, np.array(is_real), np.array(keys), nothing)


def test_padding_is_left_out():
    assert list(rows.new_rows(_batch([9, -1, 7], [True, False, True]), FACTS, ())) == [(0, 9), (2, 7)]


def test_the_first_free_key_is_behind_all_others():
    assert rows.first_free_key({}) == 0
    assert rows.first_free_key(dict.fromkeys([9, 1 << 32, 7])) == (1 << 32) + 1


def test_an_image_that_came_before_or_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"evaluated once, but .* \(key 7\) came again"):
        list(rows.new_rows(_batch([7], [True]), FACTS, {7}))
    with pytest.raises(ValueError, match="key 8 is none of the 2 images"):
        list(rows.new_rows(_batch([8], [True]), FACTS, ()))
