"""The confusion matrix of a classifier, and the figures that are computed from it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mammo.metrics import bootstrap
from mammo.metrics.figures import ClassFigures


def accuracy(matrices: np.ndarray) -> np.ndarray:
    """Returns the fraction that is right, float64 [K], of matrices [K, C, C]; NaN for an empty one."""
    return _ratio(np.trace(matrices, axis1=1, axis2=2), matrices.sum(axis=(1, 2)), empty=np.nan)


def balanced_accuracy(matrices: np.ndarray) -> np.ndarray:
    """Returns the mean recall over the classes that occur, float64 [K], of matrices [K, C, C]."""
    of_classes = matrices.sum(axis=2)
    recall = _ratio(np.diagonal(matrices, axis1=1, axis2=2), of_classes, empty=0.0)
    return _ratio(recall.sum(axis=1), (of_classes > 0).sum(axis=1), empty=np.nan)


def macro_f1(matrices: np.ndarray) -> np.ndarray:
    """Returns the mean F1 over the classes that occur or were predicted, float64 [K], of matrices [K, C, C]."""
    right = np.diagonal(matrices, axis1=1, axis2=2)
    either = matrices.sum(axis=1) + matrices.sum(axis=2)
    f1 = _ratio(2 * right, either, empty=0.0)
    return _ratio(f1.sum(axis=1), (either > 0).sum(axis=1), empty=np.nan)


def cohen_kappa(matrices: np.ndarray) -> np.ndarray:
    """Returns Cohen's kappa (Cohen 1960), the agreement beyond chance, float64 [K], of matrices [K, C, C].

    NaN where chance explains everything: a single class occurs, and no other was predicted.
    """
    total = matrices.sum(axis=(1, 2))
    by_chance = _ratio((matrices.sum(axis=1) * matrices.sum(axis=2)).sum(axis=1), total**2, empty=np.nan)
    right = accuracy(matrices)
    return _ratio(right - by_chance, np.where(np.isnan(by_chance), 0.0, 1 - by_chance), empty=np.nan)


FIGURES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "cohen_kappa": cohen_kappa,
}
"""The figures of a matrix, by their names in report.json."""


def count(truth: np.ndarray, predicted: np.ndarray, class_count: int) -> np.ndarray:
    """Returns the matrix, int64 [C, C], rows true, columns predicted, of true and predicted classes, int64 [N]."""
    return np.bincount(truth * class_count + predicted, minlength=class_count**2).reshape(class_count, class_count)


def summarise(
    truth: np.ndarray,
    predicted: np.ndarray,
    patients: np.ndarray,
    labels: Sequence[str],
    *,
    resamples: int,
    seed: int,
) -> ClassFigures:
    """Returns the confusion matrix, rows true and columns predicted, and each of `FIGURES` with its interval.

    Args:
        truth: True classes, int64 [N].
        predicted: Predicted classes, int64 [N].
        patients: The patient of each, int64 [N], from 0.
        labels: Names of the C classes.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.
    """
    classes, patient_count = len(labels), int(patients.max(initial=-1)) + 1
    by_patient = np.zeros((patient_count, classes**2))
    np.add.at(by_patient, (patients, truth * classes + predicted), 1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        matrices = (weights @ by_patient).reshape(-1, classes, classes)
        return np.stack([figure(matrices) for figure in FIGURES.values()], axis=1)

    counts = by_patient.sum(axis=0).astype(np.int64).reshape(classes, classes)
    figures = bootstrap.by_patient(statistic, patient_count, resamples=resamples, seed=seed)
    made = {name: figures.to_json(index) for index, name in enumerate(FIGURES)}
    return {
        "confusion": {"labels": list(labels), "counts": counts.tolist()},
        "accuracy": made["accuracy"],
        "balanced_accuracy": made["balanced_accuracy"],
        "macro_f1": made["macro_f1"],
        "cohen_kappa": made["cohen_kappa"],
    }


def _ratio(part: np.ndarray, whole: np.ndarray, *, empty: float) -> np.ndarray:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, empty), where=whole > 0)
