"""How long an answer takes, from four files of real size to the page, and how much memory. Ratios within one run."""

import csv
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from configs import crop_classifier as crop_preset
from configs import detector as finder_preset
from mammo.benchmarks import input_pipeline, ratios, training_steps
from mammo.benchmarks.conversion import FullSizeSource
from mammo.clinical.calibration import Calibration
from mammo.clinical.rules import MissingProjection
from mammo.common import hardware
from mammo.concepts.concept import Role
from mammo.concepts.second_look import MOST_FINDINGS
from mammo.config import conversion
from mammo.config.data import Encoding
from mammo.config.run import CropClassifierConfig, DetectorConfig
from mammo.data.shards import Shards
from mammo.imaging.image_file import ImageFile
from mammo.inference import bundles, freezing, listing, service
from mammo.inference.bundle_facts import Facts
from mammo.inference.bundles import Bundle
from mammo.inference.freezing import Stage
from mammo.inference.predictor import Predictor
from mammo.inference.sealing import NETWORKS_FOLDER
from mammo.inference.service import Service
from mammo.models import building
from mammo.stages import stages
from mammo.stages.detector import DetectorStage
from mammo.training import distribution
from mammo.writers import formats

_VIEWS = (("right", "cc"), ("left", "cc"), ("right", "mlo"), ("left", "mlo"))
_CROPS = len(_VIEWS) * MOST_FINDINGS  # as many as four views can have
_EXAMS_TOGETHER = 4
_ROOT = pathlib.Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured, of exams of four 16-bit PNGs, 4700 x 3000, by a finder and a crop classifier of the presets.

    Attributes:
        precision: What the networks computed in.
        has_amx: Whether the processor has units for bfloat16.
        cold_s: A program that starts, answers one exam, and ends; one figure a round.
        warm_s: One exam in a process that has answered one before, with JSON, overlays and page; likewise.
        stream_s: An exam of many in one run, of which the next is read while one is predicted.
        decoding_s: Of the four files alone, on the same threads.
        decoding_share: Of a warm answer; median over the rounds.
        network_s: The networks alone, on views and crops that are prepared.
        keras_network_s: The same weights by `keras.Model.predict` in float32.
        speed_up: Median of their ratios.
        batch_network_s: The networks on four exams at once, divided by four: on a GPU compiled and in half precision,
            as it answers many exams; on a processor as they are, which `predict` does not do there.
        batch_speed_up: Median of `network_s` by it.
        peak_memory_1_mib: Of the program on one exam.
        peak_memory_many_mib: Of the program on many.
        many_exams: How many.
    """

    precision: str
    has_amx: bool
    cold_s: list[float]
    warm_s: list[float]
    stream_s: float
    decoding_s: list[float]
    decoding_share: float
    network_s: list[float]
    keras_network_s: list[float]
    speed_up: float
    batch_network_s: list[float]
    batch_speed_up: float
    peak_memory_1_mib: float
    peak_memory_many_mib: float
    many_exams: int


def measure(exams_count: int, repeats: int, height_px: int = 1024, width_px: int = 640) -> Figures:
    """Answers exams that are drawn, with networks that are not trained, which take as long as any.

    Args:
        exams_count: Of the run of many.
        repeats: Rounds.
        height_px: Of the prepared views.
        width_px: Of the prepared views.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, shards = input_pipeline.write_shards(folder / "small", 1, Encoding.RAW, height_px, width_px)
        networks = _write_bundle(folder / "bundle", shards)
        FullSizeSource(folder / "views", 1).write()
        one, many = (_write_table(folder, count) for count in (1, exams_count))
        cold = [_run_program(folder, one) for _ in range(repeats)]
        stream_s, peak_many_mib = _run_program(folder, many)
        bench = _Bench(bundles.open_bundle(folder / "bundle"), one, networks)
        warm, decoding, own, keras, together = zip(*(bench.round() for _ in range(repeats)), strict=True)
        return Figures(
            precision=bench.predictor.precision,
            has_amx=hardware.has_amx(),
            cold_s=[seconds for seconds, _ in cold],
            warm_s=list(warm),
            stream_s=(stream_s - statistics.median(seconds for seconds, _ in cold)) / max(exams_count - 1, 1),
            decoding_s=list(decoding),
            decoding_share=ratios.median(decoding, warm),
            network_s=list(own),
            keras_network_s=list(keras),
            speed_up=ratios.median(keras, own),
            batch_network_s=list(together),
            batch_speed_up=ratios.median(own, together),
            peak_memory_1_mib=max(peak for _, peak in cold),
            peak_memory_many_mib=peak_many_mib,
            many_exams=exams_count,
        )


class _Bench:
    """What is measured within this process."""

    def __init__(self, bundle: Bundle, table: pathlib.Path, networks: Mapping[str, tf.keras.Model]) -> None:
        self.predictor = Predictor(bundle)
        self._bundle, self._networks = bundle, networks
        self._listed, self._folder = listing.list_exams([table]).exams, table.parent
        random = np.random.default_rng(0)
        self._inputs = {
            name: random.random((count, network.height_px, network.width_px, 1), np.float32)
            for (name, network), count in zip(bundle.facts.networks.items(), (len(_VIEWS), _CROPS), strict=True)
        }
        for run in (self._answer, self._ask_own, self._ask_keras, self._ask_together):  # the first time takes longer
            run()

    def round(self) -> tuple[float, float, float, float, float]:
        """Seconds of a warm answer, of decoding, of the networks, of Keras with them, and of an exam in a batch."""
        alone = _seconds(self._answer), _seconds(self._decode), _seconds(self._ask_own), _seconds(self._ask_keras)
        return *alone, _seconds(self._ask_together) / _EXAMS_TOGETHER

    def _answer(self) -> None:
        answering = Service(self._bundle, make_predictor=lambda _: self.predictor)
        with tempfile.TemporaryDirectory(dir=self._folder) as output_dir:  # what was answered once is not asked again
            formats.write_all(answering, self._listed, pathlib.Path(output_dir))

    def _decode(self) -> None:
        with service.make_pool() as pool:
            files = [ImageFile(pathlib.Path(view.name)) for view in self._listed[0].views]
            list(pool.map(ImageFile.read_pixels, files))

    def _ask_own(self) -> None:
        for name, values in self._inputs.items():
            self.predictor.ask(Role(name), values)

    def _ask_together(self) -> None:
        is_of_many = self.predictor.batch_views(sys.maxsize) is not None
        for name, values in self._inputs.items():
            self.predictor.ask(Role(name), np.concatenate([values] * _EXAMS_TOGETHER), is_of_many=is_of_many)

    def _ask_keras(self) -> None:
        for name, values in self._inputs.items():
            self._networks[name].predict(values, verbose=0)


def _write_bundle(folder: pathlib.Path, shards: Shards) -> dict[str, tf.keras.Model]:
    """Writes a bundle of networks that are not trained; returns them for Keras."""
    given = finder_preset.get_config()
    given.model.is_class_blind = True
    finder = training_steps.with_plain_anchors(
        conversion.to_dataclass(DetectorConfig, given, "configs/detector.py"), shards
    )
    judging = conversion.to_dataclass(CropClassifierConfig, crop_preset.get_config(), "configs/crop_classifier.py")
    crops = stages.from_config(judging, shards)
    roles: dict[str, Stage] = {"finder": finder, "crop_classifier": crops}
    distribution.set_precision("float32")
    models = {name: building.build(stage.plan) for name, stage in roles.items()}
    for name, stage in roles.items():
        freezing.save(stage, models[name], folder / NETWORKS_FOLDER / name)
    networks = {name: stage.plan for name, stage in roles.items()}
    facts = Facts(
        name="benchmark",
        created=bundles.now(),
        concept="multi_stage",
        title="multi-stage detector",
        rule="Not trained.",
        height_px=shards.manifest.height_px,
        width_px=shards.manifest.width_px,
        networks=networks,
        flips=False,
        calibration=Calibration(),
        missing_projection=MissingProjection(),
        operating_points={},
        finding_threshold=0.0,
        false_findings_per_image=0.0,
        trained_on="nothing",
        data={"source": "benchmark", "is_phantom": True},
        figures={},
    )
    bundles.seal(folder, facts)
    return {name: _plain(stage, models[name]) for name, stage in roles.items()}


def _write_table(folder: pathlib.Path, count: int) -> pathlib.Path:
    """Lists the same four files as so many exams."""
    path = folder / f"{count}.csv"
    files = sorted((folder / "views").glob("P_*.png"))
    with path.open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["exam_id", "path", "laterality", "projection"])
        for number in range(count):
            writer.writerows([f"{number:04d}", file, *view] for file, view in zip(files, _VIEWS, strict=True))
    return path


def _run_program(folder: pathlib.Path, table: pathlib.Path) -> tuple[float, float]:
    """Runs the program on a table of exams: seconds, and peak memory in MiB."""
    output_dir = tempfile.mkdtemp(dir=folder)  # what was answered once is not asked again
    flags = [f"--model={folder / 'bundle'}", f"--exam={table}", f"--output_dir={output_dir}"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
    began_s = time.perf_counter()
    # No file of its own is waited for: only so does the system tell the memory of this one process.
    program = subprocess.Popen(
        [sys.executable, "-m", "mammo.predict", *flags], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(program.pid, 0)
    seconds = time.perf_counter() - began_s
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise RuntimeError(f"mammo.predict ended with {program.returncode}")
    return seconds, usage.ru_maxrss / 1024


def _plain(stage: Stage, network: tf.keras.Model) -> tf.keras.Model:
    """The same network for Keras alone; KerasCV's own `predict` would decode boxes as well, and slowly."""
    image = tf.keras.Input((stage.plan.height_px, stage.plan.width_px, 1))
    is_detector = isinstance(stage, DetectorStage)
    return tf.keras.Model(image, network(image, training=False) if is_detector else stage.predict(network, image))


def _seconds(run: Callable[[], None]) -> float:
    began_s = time.perf_counter()
    run()
    return time.perf_counter() - began_s
