import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mammo.training import vectors

_SHAPES = [(2, 3), (4,), (), (1, 5)]


def _variables():
    return [tf.Variable(tf.random.stateless_normal(shape, [0, index])) for index, shape in enumerate(_SHAPES)]


def test_what_was_joined_is_split_again():
    variables = _variables()
    vector = vectors.join(variables)
    assert vector.shape == (vectors.size_of(variables),) == (16,)
    for variable, part in zip(variables, vectors.split(vector, variables), strict=True):
        np.testing.assert_array_equal(part, variable)
    assert vectors.split(tf.zeros([0]), []) == []


@given(st.sets(st.integers(0, 3), min_size=1))
def test_the_spans_of_some_variables_hold_their_elements_and_no_others(chosen):
    variables = _variables()
    some = [variables[index] for index in sorted(chosen)]
    spans, vector = vectors.spans_of(some, variables), vectors.join(variables)
    np.testing.assert_array_equal(vectors.take(vector, spans), vectors.join(some))
    changed = vectors.split(vectors.put(vector, spans, -vectors.join(some)), variables)
    for index, (variable, now) in enumerate(zip(variables, changed, strict=True)):
        np.testing.assert_array_equal(now, -variable if index in chosen else variable)


@pytest.mark.parametrize(("chosen", "spans"), [([0, 1], [(0, 10)]), ([1, 2], [(6, 11)]), ([0, 3], [(0, 6), (11, 16)])])
def test_variables_that_lie_together_are_one_span(chosen, spans):
    variables = _variables()
    assert vectors.spans_of([variables[index] for index in chosen], variables) == spans
