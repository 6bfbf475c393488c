"""Fits the temperature and the biases that make probabilities come true as often as they say."""

import numpy as np
import scipy.optimize

from mammo.clinical import calibration
from mammo.clinical.calibration import Calibration
from mammo.metrics import calibration_error

_TEMPERATURES = (0.02, 50.0)  # searched between
_RIDGE = 1e-3  # on the biases, in cases: keeps them finite where a class is told apart without an error
_FEWEST_CLASSES = 2


def fit(probabilities: np.ndarray, truth: np.ndarray) -> Calibration:
    """Finds the temperature and the biases that make the true classes most likely.

    Args:
        probabilities: float64 [N, C], each row sums to 1.
        truth: int64 [N].

    Returns:
        A temperature from 0.02 to 50, and biases, 0 for the first class that has a case. The likelihood of the true
        classes does not fall. Classes without a case stay as they are: fitted, they would never be answered again. With
        cases of one class, or none: temperature 1 and no biases.
    """
    class_count = probabilities.shape[1]
    touched = np.unique(truth)
    if len(touched) < _FEWEST_CLASSES:
        return Calibration()
    logs, classes = calibration.logs(probabilities[:, touched]), len(touched)
    truth = np.searchsorted(touched, truth)
    is_true = np.eye(classes)[truth]

    # In 1 / T and the biases the loss is convex, so that where the search starts does not matter.
    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        inverse, biases = parameters[0], np.append(0.0, parameters[1:])
        calibrated = calibration.softmax(logs * inverse + biases)
        error = (calibrated - is_true) / len(truth)
        ridge = _RIDGE * biases / len(truth)
        gradient = np.append((error * logs).sum(), (error.sum(axis=0) + 2 * ridge)[1:])
        return calibration_error.negative_log_likelihood(calibrated, truth).mean() + (ridge * biases).sum(), gradient

    start = np.append(1.0, np.zeros(classes - 1))
    bounds = [(1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]), *[(None, None)] * (classes - 1)]
    options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    biases = np.zeros(class_count)
    biases[touched[1:]] = found[1:]
    untouched = np.setdiff1d(np.arange(class_count), touched)
    return Calibration(1 / float(found[0]), tuple(biases.tolist()), tuple(untouched.tolist()))
