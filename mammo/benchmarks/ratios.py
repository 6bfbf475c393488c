"""Ratios of figures that were measured in turn, so that the machine's own speed does not matter."""

import statistics
from collections.abc import Iterable


def median(ones: Iterable[float], others: Iterable[float]) -> float:
    """Returns the median of the ratios, pair by pair."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))
