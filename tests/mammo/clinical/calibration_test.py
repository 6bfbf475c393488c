import json

import hypothesis
import hypothesis.strategies as st
import numpy as np

from mammo.clinical.calibration import Calibration

FEW = hypothesis.settings(deadline=None, max_examples=40, derandomize=True)


def _drawn(seed, count):
    return np.random.default_rng(seed).dirichlet([1.0, 1.0, 1.0], count)


@hypothesis.given(st.integers(0, 10**6), st.floats(0.05, 20))
@FEW
def test_probabilities_stay_probabilities_and_without_biases_the_surest_class_stays(seed, temperature):
    probabilities = _drawn(seed, 20)
    made = Calibration(temperature).apply(probabilities)
    np.testing.assert_allclose(made.sum(axis=1), 1)
    np.testing.assert_array_equal(made.argmax(axis=1), probabilities.argmax(axis=1))


def test_no_calibration_changes_nothing():
    probabilities = _drawn(1, 50)
    np.testing.assert_array_equal(Calibration().apply(probabilities), probabilities)
    of_zeros = Calibration(1.0, (0.0, 0.0, 0.0)).apply(probabilities)
    np.testing.assert_allclose(of_zeros, probabilities, rtol=1e-9)


def test_it_survives_json_to_the_last_digit():
    made = Calibration(1 / 3, (0.0, -0.1, 2 / 7))
    assert Calibration.from_json(json.loads(json.dumps(made.to_json()))) == made
