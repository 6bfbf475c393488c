"""The whole of training: strategy, stage, state, resume, batches, then run some steps, write, evaluate, save."""

import contextlib
import math
import pathlib
import signal
import types
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from mammo.common.errors import InputError, StoppedError
from mammo.config.run import RunConfig
from mammo.data import pipeline
from mammo.data.batch import Batch
from mammo.data.shards import Shards
from mammo.models import backbones
from mammo.stages import stages
from mammo.stages.stage import Phase, TrainingStage
from mammo.training import agreement, cluster, distribution, optimizers, steps, stopwatch, telemetry, workdir
from mammo.training.checkpoints import Checkpoints, has_last
from mammo.training.evaluating import Evaluation
from mammo.training.state import TrainState
from mammo.training.steps import RunSteps
from mammo.training.stopwatch import Stopwatch
from mammo.training.telemetry import Watch


def train(config: RunConfig, shards: Shards, folder: pathlib.Path) -> tuple[Evaluation, float]:
    """Trains a stage, or goes on with it, and leaves its checkpoints and metrics in `folder`.

    Args:
        config: Configuration of the run.
        shards: What to learn from.
        folder: The workdir; already claimed.

    Returns:
        The evaluation of the test split, with the best weights in the model; and the seconds that training has taken,
        in all the processes of the run: with building, compiling and restoring, and those that were killed.

    Raises:
        InputError: The data, the configuration or the folder cannot be used, or the loss is not finite.
        StoppedError: SIGTERM came; the same command goes on.
    """
    with stopwatch.counting(folder, "training_s") as clock, agreement.lost_worker_in_a_sentence():
        evaluation = _train(config, shards, folder, clock)
        return evaluation, clock.total_s


def _train(config: RunConfig, shards: Shards, folder: pathlib.Path, clock: Stopwatch) -> Evaluation:
    strategy = distribution.make_strategy(config.devices, config.logical_processors)
    _check(config, strategy.num_replicas_in_sync)
    distribution.set_precision(config.precision)
    tf.keras.utils.set_random_seed(config.seed)  # of the first weights; nothing else draws from global generators
    with strategy.scope():
        agreement.check_alike(strategy, _facts(config, shards, folder))
        with agreement.chief_first(strategy):
            plan = workdir.settle_plan(folder, config, shards)
        stage = stages.for_training(config, plan, shards)
        model = stage.build_initial_model()
        if not has_last(folder):
            stage.solve_head(model)
            agreement.take_weights_of_chief(strategy, model)
        if strategy.num_replicas_in_sync > 1 and config.model.batch_norm == "shared":
            distribution.share_batch_norm(model)
        optimizer = optimizers.build(config.optimizer, config.train_steps, stage.phases)
        decays = config.optimizer.averages_decay, config.optimizer.normaliser_decay
        state = TrainState(model, optimizer, *decays, stage.rate_shares(model))
    checkpoints = Checkpoints(folder, state)
    checkpoints.restore_last()
    if state.step >= config.train_steps:
        clock.discount()
    batches = iter(
        strategy.distribute_datasets_from_function(
            lambda context: stage.build_training_dataset(context, int(state.position.numpy()))
        )
    )
    run_steps = steps.make_run_steps(stage, state, strategy)
    validation = Evaluation(stage, model, strategy, "validation", xla=config.xla)
    test = validation.on("test")
    watch = telemetry.watch(folder, state.step, config.train_steps)
    with _signals_noted() as signals, contextlib.closing(watch):
        while state.step < config.train_steps:
            with watch.profiling(state.step, config.profile):
                count = _steps_until_due(config, stage.phases, state.step)
                scalars = advance(run_steps, batches, state, count, stage, strategy)
            watch.steps(state.step, {**scalars, "learning_rate": state.learning_rate})
            if _is_due(config.histograms_every_steps, state.step):
                watch.histograms(state.step, state)
            if _is_due(config.evaluate_every_steps, state.step) or state.step == config.train_steps:
                _evaluate(validation, state, checkpoints, watch, strategy)
            is_stopped = agreement.any_worker(strategy, bool(signals))
            if _is_due(config.save_every_steps, state.step) or state.step == config.train_steps or is_stopped:
                checkpoints.save_last()
            if is_stopped:
                number = signals[0] if signals else signal.SIGTERM  # of another worker
                raise StoppedError(f"Stopped at step {state.step} of {config.train_steps}, saved in {folder}.", number)
    checkpoints.restore_best()
    with agreement.written_by_chief(folder / workdir.BACKBONE_FILE) as path:
        backbones.save(model, path)
    return test


def _facts(config: RunConfig, shards: Shards, folder: pathlib.Path) -> dict[str, object]:
    """What all workers must have in common."""
    fields = {f"config.{name}": value for name, value in workdir.to_json(config).items()}
    return {**fields, "data": shards.manifest_sha256, "whether there is a checkpoint": has_last(folder)}


def _check(config: RunConfig, replicas: int) -> None:
    """Checks what depends on how many devices there are."""
    if config.xla and replicas > 1 and config.model.batch_norm == "shared":
        raise InputError(
            "--config.xla=true compiles each replica by itself, which batch normalisation over all of them is not; "
            "give --config.model.batch_norm=replica, --config.devices=1 or --config.xla=false."
        )


def advance(
    run_steps: RunSteps,
    batches: Iterator[Batch],
    state: TrainState,
    count: int,
    stage: TrainingStage,
    strategy: tf.distribute.Strategy,
) -> dict[str, float]:
    """Makes `count` steps in one call and returns their means; all workers do so together."""
    first_step = state.step
    try:
        phase = max(index for index, phase in enumerate(stage.phases) if phase.first_step <= first_step)
        result = run_steps(batches, tf.constant(count), phase)
    except tf.errors.OpError as error:
        raise pipeline.explain(stage.shards, "train", error) or error from None
    if result.failed_step >= 0:
        keys = agreement.exchange(strategy, result.failed_keys.numpy().tobytes())
        images = stage.shards.locate("train", np.unique(np.frombuffer(b"".join(keys), np.int64)).tolist())
        raise InputError(
            f"the loss or gradient of step {first_step + int(result.failed_step) + 1} is not finite; its images: "
            f"{', '.join(images)}. "
            "Look at them, or lower --config.optimizer.learning_rate in another --workdir; the last checkpoint is from "
            "before."
        )
    state.position.assign(max(agreement.numbers_of_all(strategy, int(result.position))))
    return {name: float(value) for name, value in result.scalars.items()}


def _evaluate(
    validation: Evaluation,
    state: TrainState,
    checkpoints: Checkpoints,
    watch: Watch,
    strategy: tf.distribute.Strategy,
) -> None:
    """Evaluates the averaged weights, and keeps them if they are the best so far."""
    with state.averages.in_place():
        evaluator = validation.run()
    scalars = evaluator.scalars()
    watch.evaluation(state.step, scalars, evaluator)
    value = scalars.get(validation.stage.best_by, -math.inf)
    is_better = value > float(state.best_value.numpy()) or not np.isfinite(state.best_value.numpy())
    # As the chief has it: the last bit of a figure may differ between processors.
    if agreement.any_worker(strategy, is_better and cluster.current().is_chief):
        state.best_value.assign(value)
        checkpoints.save_best()


def _is_due(every_steps: int, step_number: int) -> bool:
    return every_steps > 0 and step_number % every_steps == 0


def _steps_until_due(config: RunConfig, phases: Sequence[Phase], step_number: int) -> int:
    """Returns how many steps can be made in one call before something else is due."""
    intervals = (
        config.log_every_steps,
        config.evaluate_every_steps,
        config.save_every_steps,
        config.histograms_every_steps,
    )
    due = [config.train_steps, *config.profile, *(phase.first_step for phase in phases)]
    due += [step_number - step_number % every + every for every in intervals if every > 0]
    return min(due_step - step_number for due_step in due if due_step > step_number)


@contextlib.contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """Yields a list that SIGTERM and the first Ctrl-C are put into, in place of ending the program."""
    came: list[int] = []

    def note(number: int, frame: types.FrameType | None) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C does not wait

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
