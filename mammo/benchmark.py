"""Measures speed and memory, as ratios within one run, so that the machine's own speed does not matter."""

import dataclasses
import json

from absl import flags

from mammo import cli
from mammo.benchmarks import conversion
from mammo.data import files

_WHAT = flags.DEFINE_multi_enum("what", ["convert"], ["convert"], "What to measure.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for benchmark.json; none: only printed.")
_EXAMS = flags.DEFINE_integer("exams", 12, "Exams of four views to convert in each run.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 3, "Pairs of runs; the median of their ratios counts.", lower_bound=1)


def main() -> None:
    """Measures what is asked for, prints the figures and keeps them."""
    figures = {"convert": dataclasses.asdict(conversion.measure(_EXAMS.value, _REPEATS.value))}
    for what in _WHAT.value:
        for name, value in figures[what].items():
            print(f"{what:10}{name:24}{_format(value)}")
    if _OUTPUT_DIR.value:
        output_dir = cli.user_path(_OUTPUT_DIR.value)
        output_dir.mkdir(parents=True, exist_ok=True)
        files.write_text(output_dir / "benchmark.json", json.dumps(figures, indent=2) + "\n")


def _format(value: float | list[float]) -> str:
    values = value if isinstance(value, list) else [value]
    return "  ".join(f"{number:.4g}" for number in values)


if __name__ == "__main__":
    cli.run(main)
