import pathlib
import pickle

import tensorflow as tf

from mammo.common import errors
from mammo.common.errors import ImageError, StoppedError


def test_an_image_error_is_one_clause_behind_its_path_on_both_sides_of_a_process():
    error = ImageError(pathlib.Path("a.png"), "is truncated")
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == "a.png is truncated"


def test_that_a_run_was_stopped_is_known_on_both_sides_of_a_process():
    error = pickle.loads(pickle.dumps(StoppedError("Stopped at step 3.", 15)))
    assert (str(error), error.signal_number) == ("Stopped at step 3.", 15)


def test_the_reason_of_an_error_of_tensorflow_is_told_without_its_path_and_operation():
    full = tf.errors.ResourceExhaustedError(None, None, "run/last-3.data; No space left on device [Op:SaveV2]")
    assert errors.reason_of(full) == "No space left on device"
    assert errors.reason_of(OSError(28, "No space left on device")).endswith("No space left on device")
