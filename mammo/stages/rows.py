"""The images of a batch that an evaluator takes: each once."""

from collections.abc import Container, Iterator, Mapping

import numpy as np

from mammo.data.batch import Batch
from mammo.metrics.image_results import ImageFacts


def new_rows(batch: Batch, facts: Mapping[int, ImageFacts], seen: Container[int]) -> Iterator[tuple[int, int]]:
    """Yields the row and the key of each image of a batch of numpy arrays; the padding is left out.

    Raises:
        ValueError: An image is among those `seen` before, or is not in `facts`.
    """
    for row in map(int, np.flatnonzero(batch.is_real)):
        key = int(batch.key[row])
        if key in seen:
            raise ValueError(f"each image is evaluated once, but {facts[key].path} (key {key}) came again")
        if key not in facts:
            raise ValueError(f"key {key} is none of the {len(facts)} images of the split")
        yield row, key


def first_free_key(known: Mapping[int, object]) -> int:
    """Returns the first key after all that are known."""
    return 1 + max(known, default=-1)
