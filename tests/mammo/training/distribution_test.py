import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.training import distribution


@pytest.fixture(autouse=True)
def single_precision():
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


def test_more_devices_than_there_are_are_refused_with_their_number():
    with pytest.raises(InputError, match=r"--config\.devices=64, but there are \d+ "):
        distribution.make_strategy(64)


def test_the_processor_serves_where_there_is_no_gpu():
    strategy = distribution.make_strategy(0)
    assert strategy.num_replicas_in_sync == max(len(tf.config.list_physical_devices("GPU")), 1)


@pytest.mark.parametrize(
    ("precision", "computes_in"), [("float32", "float32"), ("bfloat16", "bfloat16"), ("float16", "float16")]
)
def test_models_compute_in_the_precision_and_keep_float32_variables(precision, computes_in):
    assert distribution.set_precision(precision) == precision
    layer = tf.keras.layers.Dense(1)
    assert layer(tf.ones([1, 1])).dtype == computes_in
    assert layer.kernel.dtype == tf.float32


def test_auto_takes_what_is_fast_here():
    assert distribution.set_precision("auto") in ("float32", "bfloat16")
