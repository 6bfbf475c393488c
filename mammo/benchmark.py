"""Measures speed and memory, as ratios within one run, so that the machine's own speed does not matter."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from absl import flags

from mammo import cli
from mammo.data import encodings, files

_WHAT = flags.DEFINE_list("what", ["convert"], "What to measure: some of convert, input and step, with commas between.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for benchmark.json; none: only printed.")
_EXAMS = flags.DEFINE_integer("exams", 12, "Exams of four views to convert, to read or to train on.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 3, "Rounds of runs; the median of their ratios counts.", lower_bound=1)
_ENCODING = flags.DEFINE_enum_class(
    "encoding", encodings.Encoding.PNG16, encodings.Encoding, "input, step: how images are stored in the shards."
)


def _convert() -> Any:
    from mammo.benchmarks import conversion  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before

    return conversion.measure(_EXAMS.value, _REPEATS.value)


def _input() -> Any:
    from mammo.benchmarks import input as input_lib  # noqa: PLC0415

    return input_lib.measure(_EXAMS.value, _REPEATS.value, _ENCODING.value)


def _step() -> Any:
    from mammo.benchmarks import step  # noqa: PLC0415

    return step.measure(_EXAMS.value, _REPEATS.value, _ENCODING.value)


_MEASURES: dict[str, Callable[[], Any]] = {"convert": _convert, "input": _input, "step": _step}
flags.register_validator(  # type: ignore[no-untyped-call]
    _WHAT,
    lambda names: bool(names) and set(names) <= _MEASURES.keys(),
    f"is some of {', '.join(_MEASURES)}, with commas between",
)


def main() -> None:
    """Measures what is asked for, prints the figures and keeps them."""
    figures = {what: dataclasses.asdict(_MEASURES[what]()) for what in _WHAT.value}
    for what, measured in figures.items():
        for name, value in measured.items():
            print(f"{what:10}{name:28}{_format(value)}")
    if _OUTPUT_DIR.value:
        output_dir = cli.user_path(_OUTPUT_DIR.value)
        output_dir.mkdir(parents=True, exist_ok=True)
        files.write_text(output_dir / "benchmark.json", json.dumps(figures, indent=2) + "\n")


def _format(value: str | float | list[float]) -> str:
    if isinstance(value, str | bool):
        return str(value)
    values = value if isinstance(value, list) else [value]
    return "  ".join(f"{number:.4g}" for number in values)


if __name__ == "__main__":
    cli.run(main)
