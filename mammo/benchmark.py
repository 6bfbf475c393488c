"""Measures speed and memory as ratios within one run, so that the machine's own speed does not matter.

`--what=learning` compares what a run has learnt with what KerasCV's own training learns from the same data in the same
time.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping

from absl import flags

from mammo.common import cli, files, json_types
from mammo.common.errors import InputError
from mammo.common.json_types import JsonObject
from mammo.config.data import Encoding

_WHAT = flags.DEFINE_list(
    "what",
    ["convert"],
    "What to measure, with commas between: convert, input, step, accelerator, predict, learning, workers, engine.",
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for benchmark.json; none: only printed.")
_EXAMS = flags.DEFINE_integer("exams", 12, "Exams of four views to convert, to read or to train on.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 3, "Rounds of runs; the median of their ratios counts.", lower_bound=1)
_ENCODING = flags.DEFINE_enum_class(
    "encoding", Encoding.PNG16, Encoding, "input, step, accelerator, workers: how images are stored in the shards."
)

_BATCH_SIZES = flags.DEFINE_list("batch_sizes", ["8", "16", "32"], "accelerator: images a step, with commas between.")
flags.register_validator(  # type: ignore[no-untyped-call]
    _BATCH_SIZES,
    lambda sizes: bool(sizes) and all(size.isdigit() and int(size) > 0 for size in sizes),
    "is numbers from 1 on, with commas between",
)

_MANY_EXAMS = flags.DEFINE_integer("many_exams", 200, "predict: exams of the run of many.", lower_bound=2)

_WORKDIR = flags.DEFINE_string("workdir", None, "learning: folder of a detector's run that has ended.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "learning: the shards that it was trained on; input: shards to compare with what the machine can read and decode.",
)
_RIVALS = flags.DEFINE_list("rivals", ["keras_cv_loss", "keras_cv"], "learning: some of keras_cv_loss and keras_cv.")
_SECONDS = flags.DEFINE_float(
    "seconds",
    0.0,
    "input: of each run; 0: 2. learning: of each rival; 0: as long as the run took.",
    lower_bound=0.0,
)


def _convert() -> JsonObject:
    from mammo.benchmarks import conversion  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before

    return dataclasses.asdict(conversion.measure(_EXAMS.value, _REPEATS.value))


def _input() -> JsonObject:
    from mammo.benchmarks import input_limit  # noqa: PLC0415

    seconds = _SECONDS.value or input_limit.SECONDS
    if _DATA_DIR.value:
        from mammo.data.shards import Shards  # noqa: PLC0415

        return dataclasses.asdict(
            input_limit.measure(Shards.open(cli.stored_path(_DATA_DIR.value)), _REPEATS.value, seconds)
        )
    from mammo.benchmarks import input_pipeline  # noqa: PLC0415

    return dataclasses.asdict(input_pipeline.measure(_EXAMS.value, _REPEATS.value, _ENCODING.value, seconds=seconds))


def _step() -> JsonObject:
    from mammo.benchmarks import step  # noqa: PLC0415

    return dataclasses.asdict(step.measure(_EXAMS.value, _REPEATS.value, _ENCODING.value))


def _accelerator() -> JsonObject:
    from mammo.benchmarks import accelerator  # noqa: PLC0415

    sizes = [int(size) for size in _BATCH_SIZES.value]
    measured = accelerator.measure(_EXAMS.value, _ENCODING.value, batch_sizes=sizes)
    return {name: dataclasses.asdict(figures) for name, figures in measured.items()}


def _learning() -> JsonObject:
    if not _WORKDIR.value or not _DATA_DIR.value:
        raise InputError("--what=learning is about a run: give its --workdir and --data_dir.")
    from mammo.benchmarks import learning  # noqa: PLC0415

    run_dir, data_dir = cli.user_path(_WORKDIR.value), cli.user_path(_DATA_DIR.value)
    measured = learning.measure(run_dir, data_dir, _RIVALS.value, _SECONDS.value, _output_dir())
    return dataclasses.asdict(measured)


def _predict() -> JsonObject:
    from mammo.benchmarks import predict  # noqa: PLC0415

    return dataclasses.asdict(predict.measure(_MANY_EXAMS.value, _REPEATS.value))


def _workers() -> JsonObject:
    from mammo.benchmarks import workers  # noqa: PLC0415

    return dataclasses.asdict(workers.measure(_EXAMS.value, _REPEATS.value, _ENCODING.value))


def _engine() -> JsonObject:
    from mammo.benchmarks import engine  # noqa: PLC0415

    return dataclasses.asdict(engine.measure(_EXAMS.value, _REPEATS.value))


def _output_dir() -> pathlib.Path | None:
    return cli.user_path(_OUTPUT_DIR.value) if _OUTPUT_DIR.value else None


_MEASURES: dict[str, Callable[[], JsonObject]] = {
    "convert": _convert,
    "input": _input,
    "step": _step,
    "accelerator": _accelerator,
    "predict": _predict,
    "learning": _learning,
    "workers": _workers,
    "engine": _engine,
}
flags.register_validator(  # type: ignore[no-untyped-call]
    _WHAT,
    lambda names: bool(names) and set(names) <= _MEASURES.keys(),
    f"is some of {', '.join(_MEASURES)}, with commas between",
)


def main() -> None:
    """Measures what is asked for, prints the figures and keeps them."""
    figures = {what: _MEASURES[what]() for what in _WHAT.value}
    for what, measured in figures.items():
        for name, value in _rows(measured):
            print(f"{what:10}{name:44}  {value}")
    if output_dir := _output_dir():
        output_dir.mkdir(parents=True, exist_ok=True)
        files.write_text(output_dir / "benchmark.json", json.dumps(figures, indent=2) + "\n")


def _rows(measured: JsonObject, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields a row of name and value for each figure, however deeply nested."""
    for key, value in measured.items():
        path = f"{name}.{key}" if name else key
        if json_types.is_interval(value):
            yield path, f"{_format(value['value'])} ({_format(value['low'])} to {_format(value['high'])})"
        elif isinstance(value, Mapping):
            yield from _rows(value, path)
        else:
            yield path, _format(value)


def _format(value: object) -> str:
    if isinstance(value, list):
        return "  ".join(map(_format, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    cli.run(main)
