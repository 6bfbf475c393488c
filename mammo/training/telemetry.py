"""What can be watched of a run: progress, metrics.jsonl, TensorBoard."""

import contextlib
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from mammo.common import errors, files, progress
from mammo.common.errors import InputError
from mammo.stages.stage import Evaluator
from mammo.training.state import TrainState

METRICS_FILE = "metrics.jsonl"


class Telemetry:
    """Writes what a run tells of itself; each step once, however often the run was stopped."""

    def __init__(self, workdir: pathlib.Path, first_step: int, train_steps: int) -> None:
        """Starts, or goes on at `first_step`: what a killed run wrote of later steps is taken back.

        Args:
            workdir: Of the run.
            first_step: What the run goes on from.
            train_steps: What it goes to.
        """
        workdir.mkdir(parents=True, exist_ok=True)
        self._metrics_path = workdir / METRICS_FILE
        history = [row for row in read_metrics(workdir) if row["step"] <= first_step]
        files.write_text(self._metrics_path, "".join(json.dumps(row) + "\n" for row in history))
        # A new file of events; TensorBoard drops what an older one had from this step on.
        self._folder = workdir / "tensorboard"
        self._writer = tf.summary.create_file_writer(str(self._folder), filename_suffix=f".{first_step}")
        self._bar = progress.bar(train_steps, " step", initial=first_step)

    def steps(self, step: int, scalars: Mapping[str, float]) -> None:
        """Notes what the steps up to `step` came to, and moves the progress bar."""
        self._bar.set_postfix_str(f"loss {scalars['loss/total']:.4g}", refresh=False)
        self._bar.update(step - self._bar.n)
        self._note(step, scalars)

    def evaluation(self, step: int, scalars: Mapping[str, float], evaluator: Evaluator) -> None:
        """Notes an evaluation: its figures, and images with truth and predictions."""
        self._note(step, {f"validation/{name}": value for name, value in scalars.items()})
        pictures = evaluator.pictures()
        if len(pictures):
            with self._writing(step):
                tf.summary.image("validation", pictures, max_outputs=len(pictures))

    @contextlib.contextmanager
    def profiling(self, step: int, window: Sequence[int]) -> Iterator[None]:
        """Profiles the steps made in the block for TensorBoard, if `window` (first step, last step) holds `step`."""
        if not window or not window[0] <= step < window[1]:
            yield
            return
        tf.profiler.experimental.start(str(self._folder))
        try:
            yield
        finally:
            tf.profiler.experimental.stop()

    def histograms(self, step: int, state: TrainState) -> None:
        """Notes the distribution of each weight."""
        with self._writing(step):
            for weight in state.model.trainable_variables:
                tf.summary.histogram(weight.name, weight)

    def close(self) -> None:
        """Ends it."""
        self._bar.close()
        with contextlib.suppress(tf.errors.OpError):  # of what a full disk has kept back: `_note` has told of it
            self._writer.close()

    def _note(self, step: int, scalars: Mapping[str, float]) -> None:
        """Notes figures; one that is not finite, as of a step that loss scaling left out, is no JSON and is missing."""
        finite = {name: float(value) for name, value in scalars.items() if math.isfinite(value)}
        with self._metrics_path.open("a") as metrics:
            metrics.write(json.dumps({"step": step, **finite}) + "\n")
        with self._writing(step):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)

    @contextlib.contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        """Lets the block write for TensorBoard, and brings it to the disk."""
        try:
            with self._writer.as_default(step):
                yield
            self._writer.flush()
        except tf.errors.OpError as error:
            raise InputError(
                f"{self._folder} could not be written ({errors.reason_of(error)}); make room there and give "
                "the same command again."
            ) from None


def read_metrics(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """Reads the rows of metrics.jsonl, up to one that a killed run left half written."""
    path = workdir / METRICS_FILE
    rows: list[dict[str, Any]] = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
