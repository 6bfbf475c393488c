"""Shows how a run goes: progress bar, metrics.jsonl, TensorBoard."""

import contextlib
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import tensorflow as tf

from mammo.common import errors, files, progress, storage
from mammo.common.errors import InputError
from mammo.stages.stage import Evaluator
from mammo.training import cluster
from mammo.training.state import TrainState

METRICS_FILE = "metrics.jsonl"


class Watch(Protocol):
    """What a run tells of itself."""

    def steps(self, step: int, scalars: Mapping[str, float]) -> None:
        """Takes the figures of the steps up to `step`."""

    def evaluation(self, step: int, scalars: Mapping[str, float], evaluator: Evaluator) -> None:
        """Takes the figures of an evaluation, and the evaluator that has seen the images."""

    def profiling(self, step: int, window: Sequence[int]) -> contextlib.AbstractContextManager[None]:
        """Watches the steps in the block closely, if `window` (first step, last step) contains `step`."""
        ...

    def histograms(self, step: int, state: TrainState) -> None:
        """Takes the weights."""

    def close(self) -> None:
        """Ends."""


def watch(workdir: pathlib.Path, first_step: int, train_steps: int) -> Watch:
    """Returns who shows how a run goes: of several workers only the chief does."""
    return Telemetry(workdir, first_step, train_steps) if cluster.current().is_chief else Silence()


class Silence:
    """Shows nothing."""

    def steps(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Watch`."""

    def evaluation(self, step: int, scalars: Mapping[str, float], evaluator: Evaluator) -> None:
        """See `Watch`."""

    def profiling(self, step: int, window: Sequence[int]) -> contextlib.AbstractContextManager[None]:
        """See `Watch`."""
        return contextlib.nullcontext()

    def histograms(self, step: int, state: TrainState) -> None:
        """See `Watch`."""

    def close(self) -> None:
        """See `Watch`."""


class Telemetry:
    """Writes the figures of a run; those of each step once, however often the run was stopped."""

    def __init__(self, workdir: pathlib.Path, first_step: int, train_steps: int) -> None:
        """Starts at `first_step`; what a killed run wrote about later steps is removed.

        Args:
            workdir: Folder of the run.
            first_step: The step that the run starts or resumes at.
            train_steps: The step that it ends at.
        """
        workdir.mkdir(parents=True, exist_ok=True)
        self._metrics_path = workdir / METRICS_FILE
        history = [row for row in read_metrics(workdir) if row["step"] <= first_step]
        files.write_text(self._metrics_path, "".join(json.dumps(row) + "\n" for row in history))
        # A new file of events; TensorBoard drops what an older one had from this step on.
        self._folder = workdir / "tensorboard"
        self._is_stored = storage.is_stored(workdir)  # where each flush sends all of the file
        self._writer = tf.summary.create_file_writer(str(self._folder), filename_suffix=f".{first_step}")
        self._bar = progress.bar(train_steps, " step", initial=first_step)

    def steps(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes the figures of the steps up to `step`, and moves the progress bar."""
        self._bar.set_postfix_str(f"loss {scalars['loss/total']:.4g}", refresh=False)
        self._bar.update(step - self._bar.n)
        self._note(step, scalars)

    def evaluation(self, step: int, scalars: Mapping[str, float], evaluator: Evaluator) -> None:
        """Writes the figures of an evaluation, and images with truth and predictions."""
        self._note(step, {f"validation/{name}": value for name, value in scalars.items()})
        pictures = evaluator.pictures()
        if len(pictures):
            with self._writing(step):
                tf.summary.image("validation", pictures, max_outputs=len(pictures))

    @contextlib.contextmanager
    def profiling(self, step: int, window: Sequence[int]) -> Iterator[None]:
        """Profiles the steps in the block for TensorBoard, if `window` (first step, last step) contains `step`."""
        if not window or not window[0] <= step < window[1]:
            yield
            return
        with tf.profiler.experimental.Profile(str(self._folder)):
            yield

    def histograms(self, step: int, state: TrainState) -> None:
        """Writes the distribution of each weight."""
        with self._writing(step):
            for weight in state.model.trainable_variables:
                tf.summary.histogram(weight.name, weight)

    def close(self) -> None:
        """Closes the progress bar and the files."""
        self._bar.close()
        with contextlib.suppress(tf.errors.OpError):  # a full disk: `_note` has raised already
            self._writer.close()

    def _note(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes figures; JSON has no NaN, as of a step that loss scaling skipped: such a figure is left out."""
        finite = {name: float(value) for name, value in scalars.items() if math.isfinite(value)}
        with self._metrics_path.open("a") as metrics:
            metrics.write(json.dumps({"step": step, **finite}) + "\n")
        files.sync(self._metrics_path)  # a checkpoint must not outlive the figures of the steps before it
        with self._writing(step, is_flushed=not self._is_stored):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)

    @contextlib.contextmanager
    def _writing(self, step: int, *, is_flushed: bool = True) -> Iterator[None]:
        """Lets the block write for TensorBoard."""
        try:
            with self._writer.as_default(step):
                yield
            if is_flushed:
                self._writer.flush()
        except tf.errors.OpError as error:
            raise InputError(
                f"{self._folder} could not be written ({errors.reason_of(error)}); make room there and give "
                "the same command again."
            ) from None


def read_metrics(workdir: pathlib.Path) -> list[dict[str, float]]:
    """Reads the rows of metrics.jsonl, up to one that a killed run left half written; each has "step"."""
    path = workdir / METRICS_FILE
    rows: list[dict[str, float]] = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
