"""The networks of a bundle, asked about labelled shards: so a bundle is evaluated on data that it has never seen."""

import numpy as np
import tensorflow as tf

from mammo.common import progress
from mammo.concepts import split_views
from mammo.concepts.concept import Role
from mammo.concepts.evidence import Predictions
from mammo.concepts.split_views import Collected
from mammo.config.data import CropConfig
from mammo.data import pipeline
from mammo.data.batch import Batch, Detections, grey_levels
from mammo.data.shards import Shards
from mammo.inference import networks
from mammo.inference.bundles import Bundle
from mammo.models.plans import ClassifierPlan, DetectorPlan
from mammo.stages import stages

_SILENT_S = 10.0  # a longer evaluation shows its progress


class BundledModel:
    """One network of a bundle; meets `mammo.concepts.evidence.AskedModel`."""

    def __init__(self, bundle: Bundle, role: Role) -> None:
        """Loads the network.

        Args:
            bundle: Which one.
            role: Of the network in the bundle's concept.

        Raises:
            InputError: TensorFlow cannot load it.
        """
        self._plan = bundle.facts.networks[role]
        self._ask = networks.load(bundle, role)

    @property
    def crop(self) -> CropConfig | None:
        """See `mammo.concepts.evidence.AskedModel`."""
        return self._plan.crop if isinstance(self._plan, ClassifierPlan) else None

    def predict(self, shards: Shards, split: str, *, is_mirrored: bool = False) -> Predictions:
        """See `mammo.concepts.evidence.AskedModel`.

        Raises:
            InputError: The shards do not fit the plan of the network, or a record is damaged.
        """
        stage = split_views.every_view(stages.from_plan(self._plan, shards), is_mirrored=is_mirrored)
        collected = Collected(len(shards.describe(split)))
        try:
            with progress.bar(collected.image_count, f" {split} image", delay_s=_SILENT_S) as bar:
                for batch in stage.build_dataset(split, tf.distribute.InputContext()):
                    arrays = Batch(*(tensor.numpy() for tensor in batch))
                    collected.update(arrays, self._predict(grey_levels(batch.image).numpy()))
                    bar.update(int(arrays.is_real.sum()))
        except tf.errors.OpError as error:
            raise pipeline.explain(shards, split, error) or error from None
        return collected.predictions()

    def classify(self, images: np.ndarray) -> np.ndarray:
        """See `mammo.concepts.evidence.AskedModel`."""
        return np.asarray(self._ask(images)["probabilities"], np.float64)

    def _predict(self, images: np.ndarray) -> np.ndarray | Detections:
        made = self._ask(images)
        return Detections(**made) if isinstance(self._plan, DetectorPlan) else made["probabilities"]
