import inspect
from typing import Any

import numpy as np
import tensorflow as tf

from mammo.data.tracing import as_written, compiled


def test_a_function_is_compiled_as_a_whole_and_changes_its_variables():
    total = tf.Variable(1.0)

    def add(value, times):
        total.assign_add(times * tf.reduce_sum(value))
        return tf.nn.relu(value) * total

    expected = compiled(add, xla=False)(tf.constant([-1.0, 3.0]), 2)
    total.assign(1.0)
    function: Any = compiled(add, xla=True)  # a `tf.function`
    np.testing.assert_allclose(function(tf.constant([-1.0, 3.0]), 2), expected)
    assert float(total) == 5.0
    assert "HloModule" in function.experimental_get_compiler_ir(tf.constant([-1.0, 3.0]), 2)("hlo")


def test_a_function_and_the_datasets_made_in_it_are_traced_as_they_are_written():
    files = []

    @as_written
    def dataset():
        def doubled(number):
            files.append(inspect.stack()[0].filename)
            return 2 * number

        return tf.data.Dataset.range(3).flat_map(lambda number: tf.data.Dataset.from_tensors(number).map(doubled))

    assert [int(number) for number in dataset()] == [0, 2, 4]
    assert set(files) == {__file__}  # AutoGraph's own would stand in a temporary file
