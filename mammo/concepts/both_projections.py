"""Asks a classifier of breasts about the views of shards: each breast is put together, and asked about once."""

from collections.abc import Callable, Sequence

import numpy as np

from mammo.common import progress
from mammo.concepts.second_look import MOST_FINDINGS
from mammo.data import breast_pairs
from mammo.data.breast_pairs import Pair
from mammo.data.record_reader import RecordReader
from mammo.data.shards import Shards

_BATCH_BREASTS = MOST_FINDINGS  # as many as networks are asked about at once, see `AskedModel.classify`
_SILENT_S = 10.0  # what takes longer shows its progress


def classify(
    shards: Shards, split: str, keys: Sequence[int], classifier: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Returns what a classifier says of the breast of each view.

    Args:
        shards: Of views.
        split: "train", "validation" or "test".
        keys: Of the views. The other view of a breast is shown, too, where it is not one of them.
        classifier: Takes images of breasts, float32 [M, 2 H, W, 1], and gives probabilities, float64 [M, C].

    Returns:
        float64 [len(keys), C].

    Raises:
        mammo.common.errors.InputError: A record is damaged.
    """
    described = sorted(shards.describe(split).items(), key=lambda described: described[1].path)
    all_keys, infos = zip(*described, strict=True)
    made = breast_pairs.pairs_by_view([info.breast for info in infos], [info.projection for info in infos])
    pairs = dict(zip(all_keys, made, strict=True))
    shown = list(dict.fromkeys(pairs[key] for key in keys))
    reader, answers = RecordReader(shards, split), dict[Pair, np.ndarray]()

    def read(view: int | None) -> np.ndarray | None:
        return None if view is None else reader.read(all_keys[view])["image"]

    with progress.bar(len(shown), f" {split} breast", delay_s=_SILENT_S) as bar:
        for first in range(0, len(shown), _BATCH_BREASTS):
            batch = shown[first : first + _BATCH_BREASTS]
            images = np.stack([breast_pairs.stack(read(pair.cc), read(pair.mlo)) for pair in batch])
            answers.update(zip(batch, classifier(images[..., None]), strict=True))
            bar.update(len(batch))
    return np.array([answers[pairs[key]] for key in keys], np.float64)
