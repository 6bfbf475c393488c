"""Fuzzes one reader of outside bytes, or all of them, guided by the coverage of its code (libFuzzer).

bazel run //tests/fuzz:fuzz -- --seconds=3600                    each reader for an hour, one for each core at a time
bazel run //tests/fuzz:fuzz -- --reader=dicom --input=crash-…    one input once more

A fault is anything but an answer or the sentence of an `InputError`; or 1 GiB of memory more than the program takes, or
10 s. The input that showed it is kept in --output_dir.
"""

import concurrent.futures
import contextlib
import importlib
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
from typing import Final

import atheris
from absl import flags

from mammo.common import cli
from mammo.common.errors import InputError
from tests.fuzz.reader import Reader

MODULES: Final = {
    "tests.fuzz.pictures": ("png", "jpeg", "dicom"),
    "tests.fuzz.texts": (
        *("exam_table", "coco_sheet", "coco_boxes", "sheet", "overlay", "ics", "manifest", "journal", "key"),
    ),
    "tests.fuzz.models": ("graph", "bundle", "plan", "checksums", "shard", "index"),
}
"""The readers of each module; a process imports, and traces, no more than the one that it takes."""

READERS: Final = {name: module for module, names in MODULES.items() for name in names}
"""The module of each reader."""

_INSTRUMENTED: Final = ("mammo", "data_tools", "pydicom")
_MOST_MEBIBYTES, _MOST_SECONDS = 1024, 10

_READER = flags.DEFINE_enum("reader", None, sorted(READERS), "Which reader; none: all of them.")
_SECONDS = flags.DEFINE_integer("seconds", 60, "How long each reader is fuzzed.", lower_bound=1)
_RUNS = flags.DEFINE_integer("runs", -1, "How many inputs at most; -1: as many as there is time for.", lower_bound=-1)
_SEED = flags.DEFINE_integer("seed", 1, "Of the mutations.", lower_bound=1)
_INPUT = flags.DEFINE_string("input", None, "Reads this file once, and fuzzes nothing; with --reader.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "fuzz", "Folder for inputs that showed a fault.")


def main() -> None:
    """Fuzzes in this process, or starts one process a reader."""
    output_dir = cli.user_path(_OUTPUT_DIR.value)
    output_dir.mkdir(parents=True, exist_ok=True)
    if _READER.value:
        _fuzz(_READER.value, output_dir)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        statuses = dict(zip(READERS, pool.map(lambda name: _fuzz_apart(name, output_dir), READERS), strict=True))
    failed = [name for name, status in statuses.items() if status]
    if failed:
        raise InputError(f"faults were found in {', '.join(failed)}; {output_dir} holds the inputs that show them.")


def _fuzz_apart(name: str, output_dir: pathlib.Path) -> int:
    command = [sys.executable, *sys.orig_argv[1:], f"--reader={name}", f"--output_dir={output_dir}"]
    with (output_dir / f"{name}.log").open("w") as log:
        status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    print(f"{name}: {'a fault' if status else 'none'}, see {log.name}", flush=True)
    return status


def _fuzz(name: str, output_dir: pathlib.Path) -> None:
    """Does not return: libFuzzer ends the process."""
    with atheris.instrument_imports(include=list(_INSTRUMENTED), enable_loader_override=False):
        reader: Reader = importlib.import_module(READERS[name]).READERS[name]
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    (own := folder / "own").mkdir()
    (seeds := folder / "seeds").mkdir()
    for number, content in enumerate(reader.seeds()):
        (seeds / str(number)).write_bytes(content)
        reader.read(own, content)  # a seed is read without a fault, or the fuzzer never gets past its refusal

    def read(content: bytes) -> None:
        with contextlib.suppress(InputError):
            reader.read(own, content)

    options = {
        "runs": _RUNS.value,
        "max_total_time": _SECONDS.value,
        "seed": _SEED.value,
        "max_len": reader.most_bytes,
        "rss_limit_mb": _taken_mebibytes() + _MOST_MEBIBYTES,
        "timeout": _MOST_SECONDS,
        "artifact_prefix": f"{output_dir}/{name}-",
        "print_final_stats": 1,
    }
    inputs = [str(cli.user_path(_INPUT.value))] if _INPUT.value else [str(seeds)]
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), *inputs], read)
    atheris.Fuzz()


def _taken_mebibytes() -> int:
    """What this process takes by now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    cli.run(main)
