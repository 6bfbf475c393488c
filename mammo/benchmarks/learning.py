"""What a finished run has learnt, against what KerasCV's own training makes of the same data in the same time."""

import dataclasses
import json
import math
import pathlib
import time
from collections.abc import Sequence
from typing import NamedTuple, cast

import tensorflow as tf

from mammo.benchmarks import keras_cv_retinanet
from mammo.common import files, progress
from mammo.common.errors import InputError
from mammo.common.json_types import Interval
from mammo.config.optimizer import OptimizerConfig
from mammo.config.run import DetectorConfig
from mammo.data.batch import Detections
from mammo.data.shards import Shards
from mammo.metrics import detection, froc
from mammo.metrics.figures import Counts, Figures
from mammo.models import backbones, plans
from mammo.models.plans import DetectorPlan
from mammo.reports import charts
from mammo.reports.evaluation import JSON_NAME
from mammo.stages import detector
from mammo.stages.detection_evaluator import DetectionEvaluator
from mammo.stages.detector import DetectorTraining
from mammo.training import distribution, evaluating, optimizers, workdir
from mammo.training.averages import Averages
from mammo.training.evaluating import Evaluation

CHART_FILE = "froc.svg"
_RULE = "centre"
_FOUND_SHARES = (0.5, 0.7, 0.8, 0.9)  # of the lesions: where false alarms on normal images are counted
_NAMES = {
    "ours": "the run",
    "keras_cv_loss": "its network, KerasCV's loss and fit",
    "keras_cv": "KerasCV's RetinaNet and fit",
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one way of training came to on the test split; figures are {"value", "low", "high"}, intervals by patient.

    Attributes:
        updates: Of the weights.
        seconds: Of training.
        sensitivity_at_1: At one false positive an image; a lesion is found if a detection's centre lies in its box.
        score: Mean sensitivity at 1/8 to 8 false positives an image.
        false_positives_per_normal_image: By the share of lesions that the threshold finds; what is never reached, or
            counted on no normal image, is left out.
    """

    updates: int
    seconds: float
    sensitivity_at_1: Interval
    score: Interval
    false_positives_per_normal_image: dict[str, Interval]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        n: Patients, images and lesions of the test split.
        outcomes: Of the run, as "ours", and of its rivals by name.
    """

    n: Counts
    outcomes: dict[str, Outcome]


def measure(
    run_dir: pathlib.Path,
    data_dir: pathlib.Path,
    rivals: Sequence[str],
    seconds: float = 0.0,
    output_dir: pathlib.Path | None = None,
) -> Measured:
    """Fits what KerasCV offers for as long as the run took, and judges all on the test split in the same way.

    Rivals take the run's data, balance, augmentation, backbone, optimiser, cosine and averaging, in float32 on one
    device; of a run of several, the batch is that of one replica.

    Args:
        run_dir: Workdir of a detector's run that has ended.
        data_dir: The shards that it was trained on.
        rivals: Some of "keras_cv_loss", KerasCV's loss and fit with the network of the run, and "keras_cv", its loss,
            fit and RetinaNet with the backbone of the run.
        seconds: Of each fit; 0: as long as the run trained, its evaluations included.
        output_dir: Where the FROC curves are drawn; None: nowhere.

    Raises:
        InputError: There is no such run or rival, or the run was on other data.
    """
    unknown = [name for name in rivals if name not in _RIVALS]
    if unknown:
        raise InputError(f"there is no rival {unknown[0]!r}; it is one of {', '.join(_RIVALS)}.")
    shards = Shards.open(data_dir)
    config = workdir.read_config(run_dir, shards)
    if not isinstance(config, DetectorConfig):
        raise InputError(f"{run_dir} holds no run of a detector; give the --workdir of one.")
    model_plan = plans.read(run_dir)
    assert isinstance(model_plan, DetectorPlan)
    own = detector.for_training(config, model_plan, shards)
    taken_s = _training_seconds(run_dir)
    strategy = distribution.make_strategy(devices=1)
    distribution.set_precision("float32")
    ours = evaluating.of_best(run_dir, own, strategy, "test")
    contenders = {"ours": _Contender(_run(ours), config.train_steps, taken_s)}
    for name in rivals:
        contenders[name] = _train(name, own, strategy, seconds or taken_s)
    reports = {name: contender.evaluator.report() for name, contender in contenders.items()}
    if output_dir:
        output_dir.mkdir(parents=True, exist_ok=True)
        curves = {name: report["froc"][_RULE] for name, report in reports.items()}
        files.write_text(output_dir / CHART_FILE, charts.froc(curves, _NAMES))
    outcomes = {name: _outcome(contender, reports[name]) for name, contender in contenders.items()}
    return Measured(reports["ours"]["n"], outcomes)


class _Contender(NamedTuple):
    """One way of training: what it found in the test split, its updates, and its seconds."""

    evaluator: DetectionEvaluator
    updates: int
    seconds: float


def _run(evaluation: Evaluation) -> DetectionEvaluator:
    return cast(DetectionEvaluator, evaluation.run())  # its stage is a detector


class _KerasCvStage(DetectorTraining):
    """The detector with KerasCV's network in place of ours."""

    def predict(self, model: tf.keras.Model, images: tf.Tensor) -> Detections:
        """See `mammo.stages.stage.Stage`."""
        return keras_cv_retinanet.predict(model, images)


def _with_our_network(stage: DetectorTraining) -> tuple[DetectorTraining, tf.keras.Model]:
    return stage, stage.build_initial_model()


def _as_it_comes(stage: DetectorTraining) -> tuple[DetectorTraining, tf.keras.Model]:
    stage, options = _KerasCvStage(**vars(stage)), stage.config.model
    backbone = backbones.build(
        options.backbone, options.weights, stage.plan.height_px, stage.plan.width_px, options.batch_norm_momentum
    )
    return stage, keras_cv_retinanet.build(backbone, stage.class_count)


_RIVALS = {"keras_cv_loss": _with_our_network, "keras_cv": _as_it_comes}


def _train(name: str, own: DetectorTraining, strategy: tf.distribute.Strategy, limit_s: float) -> _Contender:
    """Fits a rival of a run for so many seconds, and evaluates the averages of its weights."""
    config, options = own.config, own.config.optimizer
    tf.keras.utils.set_random_seed(config.seed)
    stage, model = _RIVALS[name](own)
    optimizer = _keras_optimizer(options)
    averages = Averages(model, options.averages_decay)
    seed = tf.constant([config.seed, 0], tf.int32)
    batches = stage.build_training_dataset(tf.distribute.InputContext(), 0)
    batches = batches.map(lambda batch: keras_cv_retinanet.as_input(stage.augment(batch, seed)))
    keras_cv_retinanet.compile_with(model, optimizer)
    clock = _Clock(averages, options, options.warmup_steps / config.train_steps, limit_s)
    model.fit(batches, verbose=0, callbacks=[clock])
    with averages.in_place():
        evaluator = _run(Evaluation(stage, model, strategy, "test"))
    return _Contender(evaluator, int(optimizer.iterations), clock.seconds)


def _keras_optimizer(options: OptimizerConfig) -> tf.keras.optimizers.Optimizer:
    """Makes Keras's own optimiser of the same kind; its rate is set as it goes."""
    shared = {"weight_decay": options.weight_decay, "global_clipnorm": options.clip_norm or None}
    if options.kind == "adamw":
        optimizer = tf.keras.optimizers.AdamW(options.learning_rate, **shared)
    else:
        optimizer = tf.keras.optimizers.SGD(options.learning_rate, momentum=0.9, nesterov=True, **shared)
    optimizer.exclude_from_weight_decay(var_names=optimizers.NOT_DECAYED)
    return optimizer


class _Clock(tf.keras.callbacks.Callback):
    """Ends a fit when its time is over; until then it does for it what our loop does, by the share of time passed.

    The rate warms up for the share of time that it was for the run, and falls along a cosine; weights are averaged.

    Attributes:
        seconds: Passed so far.
    """

    def __init__(self, averages: Averages, options: OptimizerConfig, warm_up_share: float, limit_s: float) -> None:
        super().__init__()
        self._averages, self._options, self._warm_up_share, self._limit_s = averages, options, warm_up_share, limit_s
        self._update_averages = tf.function(lambda updates: averages.update(updates, averages.vector, averages.weights))
        self.seconds = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._began_s = time.monotonic()
        self._bar = progress.bar(math.ceil(self._limit_s), " s")

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        options, share = self._options, min(self.seconds / self._limit_s, 1.0)
        cosine = options.final_share + (1 - options.final_share) * (1 + math.cos(math.pi * share)) / 2
        warm_up = min(share / self._warm_up_share, 1.0) if self._warm_up_share else 1.0
        self.model.optimizer.learning_rate = options.learning_rate * cosine * warm_up

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._update_averages(self.model.optimizer.iterations)
        self.seconds = time.monotonic() - self._began_s
        self._bar.update(min(math.ceil(self.seconds), self._bar.total) - self._bar.n)
        self.model.stop_training = self.seconds >= self._limit_s

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.close()


def _training_seconds(run_dir: pathlib.Path) -> float:
    path = run_dir / JSON_NAME
    if not path.is_file():
        raise InputError(f"{run_dir} has no {JSON_NAME}; let the run come to its end first.")
    return float(json.loads(path.read_text())["time"]["training_s"])


def _outcome(contender: _Contender, report: Figures) -> Outcome:
    results, rule = contender.evaluator.results, detection.RULES[_RULE]
    events = froc.collect(results, rule)
    alarms: dict[str, Interval] = {}
    for share in _FOUND_SHARES:
        threshold = froc.threshold_of(events, share)
        counted = detection.false_positives_per_normal_image(results, rule, threshold, resamples=1000, seed=0)
        if math.isfinite(threshold) and counted["value"] is not None:
            alarms[str(share)] = {"value": counted["value"], "low": counted["low"], "high": counted["high"]}
    curve = report["froc"][_RULE]
    return Outcome(contender.updates, contender.seconds, curve["sensitivity_at"]["1"], curve["score"], alarms)
