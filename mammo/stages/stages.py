"""All stages: trained ones out of their plans, and ones to train out of their configurations."""

from mammo.config.data import InputConfig
from mammo.config.run import ClassifierConfig, DetectorConfig, RunConfig
from mammo.data.shards import Shards
from mammo.models.plans import ClassifierPlan, DetectorPlan, Plan
from mammo.stages import classifier, detector, planning
from mammo.stages.classifier import ClassifierStage, ClassifierTraining
from mammo.stages.detector import DetectorStage, DetectorTraining


def make_plan(config: RunConfig, shards: Shards) -> Plan:
    """Plans the model that a configuration describes, for the data that it is trained on.

    Raises:
        InputError: The data cannot be what it is trained on.
    """
    if isinstance(config, DetectorConfig):
        return detector.make_plan(config, shards)
    assert isinstance(config, ClassifierConfig)
    return classifier.make_plan(config, shards)


def from_plan(
    plan: Plan, shards: Shards, reads: InputConfig | None = None, *, is_given_images: bool = False
) -> DetectorStage | ClassifierStage:
    """Makes the stage of a trained model, to predict and evaluate any labelled shards that fit its plan.

    Args:
        plan: What the model is.
        shards: What to read.
        reads: How they are batched; None: as by default.
        is_given_images: Whether a classifier is only asked about images that somebody makes of the views of the shards,
            which need not fit its plan themselves.

    Raises:
        InputError: The images were not prepared as the model takes them.
    """
    planning.check_pixel_path(plan, shards)
    reads = reads or InputConfig()
    if isinstance(plan, DetectorPlan):
        return detector.from_plan(plan, shards, reads)
    assert isinstance(plan, ClassifierPlan)
    return classifier.from_plan(plan, shards, reads, is_given_images=is_given_images)


def for_training(config: RunConfig, plan: Plan, shards: Shards) -> DetectorTraining | ClassifierTraining:
    """Makes the stage of a model to train.

    Args:
        config: Configuration of the run.
        plan: Which `make_plan` made of the same configuration.
        shards: What to learn from.
    """
    if isinstance(config, DetectorConfig) and isinstance(plan, DetectorPlan):
        return detector.for_training(config, plan, shards)
    assert isinstance(config, ClassifierConfig)
    assert isinstance(plan, ClassifierPlan)
    return classifier.for_training(config, plan, shards)


def from_config(config: RunConfig, shards: Shards) -> DetectorTraining | ClassifierTraining:
    """Plans a model and makes the stage to train it: `make_plan` and `for_training`.

    Raises:
        InputError: The data cannot be what it is trained on.
    """
    return for_training(config, make_plan(config, shards), shards)
