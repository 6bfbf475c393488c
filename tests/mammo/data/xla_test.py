from typing import Any

import numpy as np
import tensorflow as tf

from mammo.data.xla import compiled


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
