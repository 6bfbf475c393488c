"""How fast conversion is, where its time goes, and how much memory it takes. All as ratios within one run."""

import dataclasses
import multiprocessing
import os
import pathlib
import resource
import statistics
import tempfile
import time
from collections.abc import Callable

import cv2
import numpy as np

from data_tools import records
from data_tools.conversion import Conversion
from data_tools.engines.engine import Engine
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from data_tools.source import Annotation, Lesion, ListedExam, ListedView
from mammo.clinical.labels import Label, Laterality, Projection
from mammo.config.data import Encoding
from mammo.imaging.image_file import ImageFile

HEIGHT_PX, WIDTH_PX = 4700, 3000  # a 16 bit scan of film at 50 µm, as DDSM has them
_DISTINCT_VIEWS = 4  # the others are links to these: a page cache that holds all files is the same for each run


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        views: Converted in each run.
        seconds_one_worker: Of each run with one worker.
        seconds_two_workers: Of each run with two, in turn with the former.
        speed_up: Median of the ratios, pair by pair, start-up of the processes included.
        decoding_share: Of one worker's time for a view.
        peak_memory_mib: Of the largest process.
    """

    views: int
    seconds_one_worker: list[float]
    seconds_two_workers: list[float]
    speed_up: float
    decoding_share: float
    peak_memory_mib: float


def measure(exams: int, repeats: int, height_px: int = HEIGHT_PX, width_px: int = WIDTH_PX) -> Figures:
    """Converts drawn 16-bit PNGs of real size, with one worker and with two in turn.

    Args:
        exams: Of four views each.
        repeats: Pairs of runs.
        height_px: Of the drawn views.
        width_px: Of the drawn views.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = FullSizeSource(pathlib.Path(folder, "data"), exams, height_px, width_px)
        source.write()
        times: dict[int, list[float]] = {1: [], 2: []}
        for repeat in range(repeats):
            for workers, seconds in times.items():
                output_dir = pathlib.Path(folder, f"{workers}-{repeat}")
                seconds.append(_seconds_of(convert, source, output_dir, Local(workers)))
        return Figures(
            views=4 * exams,
            seconds_one_worker=times[1],
            seconds_two_workers=times[2],
            speed_up=statistics.median(one / two for one, two in zip(times[1], times[2], strict=True)),
            decoding_share=_decoding_share(source),
            peak_memory_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        )


def _seconds_of(function: Callable[..., None], *arguments: object) -> float:
    """Times a function in a process of its own, start-up included."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    start = time.perf_counter()
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"the conversion to be timed ended with {process.exitcode}")
    return time.perf_counter() - start


def _options(source: "FullSizeSource") -> RecordOptions:
    return RecordOptions(source.data_dir, 1024, 640, Encoding.PNG16, seed=0, background_crops=1)


def convert(source: "FullSizeSource", output_dir: pathlib.Path, engine: Engine) -> None:
    """Converts it, in pairs of shards of two exams."""
    Conversion(
        source, "status", _options(source), output_dir, views_per_shard=8, limit=0, max_rejected=0, engine=engine
    ).run()


def _decoding_share(source: "FullSizeSource") -> float:
    """Times reading a file alone against all that becomes of it, on one thread, in turn."""
    cv2.setNumThreads(1)
    from mammo.data import schema  # noqa: PLC0415  TensorFlow is imported before the clock runs

    shares = []
    exam = source.list_exams()[0]
    for view in [*exam.views, *exam.views]:
        start = time.perf_counter()
        ImageFile(view.path).read_pixels()
        decoded = time.perf_counter()
        made = records.make(_options(source), source, exam, view)
        for record in (made.view, *made.crops):
            schema.encode(record)
        shares.append((decoded - start) / (time.perf_counter() - decoded))
    return statistics.median(shares)


@dataclasses.dataclass(frozen=True)
class FullSizeSource:
    """Exams of four views with one lesion each, all links to a few files: a `data_tools.source.Source`.

    Attributes:
        data_dir: Where the files lie.
        exams: How many.
        height_px: Of a view.
        width_px: Of a view.
        name: Of the source.
    """

    data_dir: pathlib.Path
    exams: int
    height_px: int = HEIGHT_PX
    width_px: int = WIDTH_PX
    name: str = "benchmark"

    def write(self) -> None:
        """Draws the views, 16-bit PNGs."""
        self.data_dir.mkdir(parents=True)
        for number in range(_DISTINCT_VIEWS):
            cv2.imwrite(str(self.data_dir / f"{number}.png"), _draw(self.height_px, self.width_px, number))
        for exam in self.list_exams():
            for number, view in enumerate(exam.views):
                os.link(self.data_dir / f"{number}.png", view.path)

    def list_exams(self) -> list[ListedExam]:
        """Lists all exams, each with a cancer."""
        sides = [(side, projection) for side in Laterality for projection in Projection]
        exams = []
        for number in range(self.exams):
            patient_id = f"P_{number:04d}"
            views = tuple(
                ListedView(patient_id, patient_id, *side, self.data_dir / f"{patient_id}_{index}.png")
                for index, side in enumerate(sides)
            )
            exams.append(ListedExam(patient_id, patient_id, Label.CANCER, "A", None, None, views))
        return exams

    def annotate(self, exam: ListedExam, view: ListedView, height_px: int, width_px: int) -> Annotation:
        """Places a lesion of two centimetres in the middle of the breast."""
        del view
        middle_y, left = height_px // 2, width_px // 6
        box_xyxy_px = (left, middle_y - 200, left + 400, middle_y + 200)
        return Annotation((Lesion(box_xyxy_px, exam.status),), spacing_mm=0.05)


def _draw(height_px: int, width_px: int, seed: int) -> np.ndarray:
    """A breast with tissue-like texture and the grain of film, so that it takes as long to decode as a scan does."""
    random = np.random.default_rng(seed)
    breast = np.zeros((height_px, width_px), np.uint8)
    cv2.ellipse(breast, (0, height_px // 2), (19 * width_px // 30, 18 * height_px // 47), 0, 0, 360, (1,), -1)
    levels = np.where(breast, np.float32(22000), np.float32(2000))
    for cells in (8, 32, 128, 512):
        coarse = random.normal(0, 6000 / cells**0.4, (cells, cells)).astype(np.float32)
        levels += cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC) * breast
    levels += random.normal(0, 60, levels.shape).astype(np.float32)
    return np.clip(levels, 0, 65535).astype(np.uint16)
