"""Fuzzes readers of outside bytes, guided by the coverage of their code (libFuzzer).

bazel run //tests/fuzz:fuzz -- --seconds=3600                    each reader for an hour, one for each core at a time
bazel run //tests/fuzz:fuzz -- --reader=dicom --input=crash-…    one input once more

A fault is anything but an answer or the sentence of an `InputError`; or 1 GiB of memory more than the program takes, or
10 s. The input that showed it is kept in --output_dir, beside a log for each reader.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import resource
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

import atheris
from absl import flags

from mammo.common import cli
from mammo.common.errors import InputError
from tests.fuzz.reader import Reader

MODULES: Final = {
    "pictures": ("png", "jpeg", "dicom"),
    "texts": (*("exam_table", "coco_sheet", "coco_boxes", "sheet", "overlay", "ics", "manifest", "journal", "key"),),
    "models": ("graph", "bundle", "plan", "checksums", "shard", "record", "index"),
}
"""The readers of each module."""

_NAMES: Final = [name for names in MODULES.values() for name in names]
_INSTRUMENTED: Final = ("mammo", "data_tools", "pydicom")
_MOST_MEBIBYTES, _MOST_SECONDS = 1024, 10

_READER = flags.DEFINE_multi_enum("reader", None, sorted(_NAMES), "Which reader; may be repeated; none: all.")
_SECONDS = flags.DEFINE_integer("seconds", 60, "How long each reader is fuzzed.", lower_bound=1)
_RUNS = flags.DEFINE_integer("runs", -1, "How many inputs at most; -1: as many as there is time for.", lower_bound=-1)
_SEED = flags.DEFINE_integer("seed", 1, "Of the mutations.", lower_bound=1)
_INPUT = flags.DEFINE_string("input", None, "Reads this file once, and fuzzes nothing.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "fuzz", "Folder for logs, and for inputs that showed a fault.")


def main() -> None:
    """Fuzzes each reader in a process of its own, which libFuzzer ends."""
    output_dir = cli.user_path(_OUTPUT_DIR.value)
    output_dir.mkdir(parents=True, exist_ok=True)
    names = _READER.value or _NAMES
    with atheris.instrument_imports(include=list(_INSTRUMENTED), enable_loader_override=False):
        # Once for all processes: imports take longer than some fuzzing.
        readers = {name: reader for module in MODULES for name, reader in _readers_of(module, names).items()}
    forking = multiprocessing.get_context("fork")

    def fuzz_apart(name: str) -> bool:
        process = forking.Process(target=fuzz, args=(name, readers[name], output_dir))
        process.start()
        process.join()
        print(f"{name}: {'a fault' if process.exitcode else 'no fault'}, {output_dir / name}.log", flush=True)
        return not process.exitcode

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        are_sound = dict(zip(names, pool.map(fuzz_apart, names), strict=True))
    failed = [name for name, is_sound in are_sound.items() if not is_sound]
    if failed:
        raise InputError(f"faults were found in {', '.join(failed)}; {output_dir} holds the inputs that show them.")


def _readers_of(module: str, names: Sequence[str]) -> Mapping[str, Reader]:
    """Imports one of `MODULES` if it has readers of these names, and returns those."""
    if not set(names) & set(MODULES[module]):
        return {}
    if module == "pictures":
        from tests.fuzz.pictures import READERS  # noqa: PLC0415
    elif module == "texts":
        from tests.fuzz.texts import READERS  # noqa: PLC0415
    else:
        from tests.fuzz.models import READERS  # noqa: PLC0415
    assert READERS.keys() == set(MODULES[module]), f"{module} has other readers than are listed here"
    return {name: reader for name, reader in READERS.items() if name in names}


def fuzz(name: str, reader: Reader, output_dir: pathlib.Path) -> None:
    """Fuzzes one reader as the flags say, and does not return: libFuzzer ends the process, with 0 where it is sound."""
    with (output_dir / f"{name}.log").open("wb") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    (own := folder / "own").mkdir()
    (seeds := folder / "seeds").mkdir()
    for number, content in enumerate(reader.seeds()):
        (seeds / str(number)).write_bytes(content)
        reader.read(own, content)  # a seed is read without a fault, or the fuzzer never gets past its refusal

    def read(content: bytes) -> None:
        with contextlib.suppress(InputError):
            reader.read(own, content)

    inputs = [str(cli.user_path(_INPUT.value))] if _INPUT.value else [str(seeds)]
    arguments = [sys.argv[0], *_options(name, reader, output_dir), *inputs]
    if reader.mend is None:
        atheris.Setup(arguments, read)
    else:
        atheris.Setup(arguments, read, custom_mutator=_mending(reader))
    atheris.Fuzz()


def _options(name: str, reader: Reader, output_dir: pathlib.Path) -> list[str]:
    """Of libFuzzer: https://llvm.org/docs/LibFuzzer.html#options."""
    taken_mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    options = {
        "runs": _RUNS.value,
        "max_total_time": _SECONDS.value,
        "seed": _SEED.value,
        "max_len": reader.most_bytes,
        "rss_limit_mb": taken_mebibytes + _MOST_MEBIBYTES,
        "timeout": _MOST_SECONDS,
        "artifact_prefix": f"{output_dir}/{name}-",
        "print_final_stats": 1,
    }
    return [f"-{key}={value}" for key, value in options.items()]


def _mending(reader: Reader) -> object:
    """Returns a mutator that mostly puts checksums right, so that what stands behind their check is reached."""
    assert reader.mend is not None
    mend = reader.mend

    def mutate(content: bytes, most_bytes: int, seed: int) -> bytes:
        mutated = atheris.Mutate(content, most_bytes)
        return mend(mutated)[:most_bytes] if seed % 4 else mutated

    return mutate


if __name__ == "__main__":
    cli.run(main)
