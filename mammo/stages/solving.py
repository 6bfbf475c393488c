"""Solves the head of a classifier: a logistic regression on what its backbone, untouched, makes of the training images.

What is solved and not trained begins with the best that the backbone's features can say. Training goes on from there at
low rates: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging
from sklearn.linear_model import LogisticRegression

from mammo.common import progress
from mammo.common.errors import InputError
from mammo.data import pipeline
from mammo.data.batch import grey_levels
from mammo.data.pipeline import Reading
from mammo.data.shards import Shards
from mammo.models import classifier

_MOST_ITERATIONS = 3_000
_LEAST_SPREAD = 1e-6  # of a feature: what is always the same says nothing, however it is scaled
_SILENT_S = 5.0  # work that takes longer shows how far it is
_TWO = 2  # classes, of which scikit-learn gives the difference


class Examples(NamedTuple):
    """Training images as a backbone sees them.

    Attributes:
        features: float64 [N, F].
        classes: int64 [N].
        weights: float64 [N], how often training sees each.
    """

    features: np.ndarray
    classes: np.ndarray
    weights: np.ndarray


def solve_head(model: tf.keras.Model, examples: Examples, penalty_c: float) -> None:
    """Gives a network with a linear head the head that tells examples apart best, with a penalty.

    Args:
        model: As `mammo.models.classifier.build` makes it.
        examples: Of each of its classes.
        penalty_c: Inverse strength of the penalty, C of scikit-learn.

    Raises:
        InputError: There is no example of some class.
    """
    class_count = model.output_shape[-1]
    if len(np.unique(examples.classes)) < class_count:
        raise InputError(
            f"the training images are not of all {class_count} classes, so that no head can be solved; give more "
            "exams, or --config.transfer.head_c=0."
        )
    mean, spread = examples.features.mean(axis=0), examples.features.std(axis=0)
    spread = np.where(spread < _LEAST_SPREAD, 1.0, spread)
    solver = LogisticRegression(C=penalty_c, max_iter=_MOST_ITERATIONS)
    weights = examples.weights / examples.weights.mean()
    solved = solver.fit((examples.features - mean) / spread, examples.classes, sample_weight=weights)
    kernel, bias = solved.coef_.T, solved.intercept_
    if class_count == _TWO:  # one logit, of the second class; two of half of it say the same
        kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    classifier.set_linear_head(model, mean, spread, kernel, bias)
    logging.info("The head was solved on %d images in %d iterations.", len(weights), solver.n_iter_.max())


def read_examples(
    model: tf.keras.Model, shards: Shards, reading: Reading, looks: Callable[[tf.Tensor], list[tf.Tensor]]
) -> Examples:
    """Returns what a network with a linear head sees in its training images, as they are.

    Args:
        model: As `mammo.models.classifier.build` makes it.
        shards: What is learnt from.
        reading: How; classes are numbered as its are.
        looks: Gives the looks at images over which features are averaged, as predictions are.

    Raises:
        mammo.common.errors.InputError: The split holds nothing, or a record is damaged.
    """
    network = classifier.features_of(model)

    @tf.function(reduce_retracing=True, autograph=False)
    def features_of(images: tf.Tensor) -> tf.Tensor:
        position = tf.zeros(tf.shape(images)[:1], tf.int64)
        made = [network({"image": look, "position": position}, training=False) for look in looks(images)]
        return tf.add_n([tf.cast(features, tf.float32) for features in made]) / len(made)

    class_of = {label: number for number, labels in enumerate(reading.classes) for label in labels}
    weight_of = dict(zip(shards.describe("train"), pipeline.epoch_weights(shards, reading), strict=True))
    features, classes, weights = [], [], []
    dataset = pipeline.evaluation(shards, "train", reading, tf.distribute.InputContext())
    try:
        with progress.bar(len(weight_of), " image", delay_s=_SILENT_S) as bar:
            for batch in dataset:
                made = features_of(grey_levels(batch.image)).numpy()
                for row in np.flatnonzero(batch.is_real):
                    features.append(made[row])
                    classes.append(class_of[int(batch.label[row])])
                    weights.append(weight_of[int(batch.key[row])])
                    bar.update()
    except tf.errors.OpError as error:
        raise pipeline.explain(shards, "train", error) or error from None
    return Examples(np.array(features, np.float64), np.array(classes), np.array(weights, np.float64))
