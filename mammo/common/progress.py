"""Progress with a rate and the time left, on a terminal and in a log."""

import io
import sys

import tqdm

_LOG_EVERY_S = 10


def bar(total: int, unit: str, *, initial: int = 0, delay_s: float = 0.0) -> tqdm.tqdm:
    """Returns a progress bar on standard error; where that is no terminal, it prints a line every ten seconds.

    Args:
        total: Number of units of work.
        unit: Name of a unit, in the singular, with a space before it: " image".
        initial: Number of units that an earlier run has done; the rate does not count them.
        delay_s: Work that ends within so many seconds shows nothing.
    """
    is_terminal = sys.stderr.isatty()
    return tqdm.tqdm(
        total=total,
        initial=initial,
        unit=unit,
        delay=delay_s,
        file=sys.stderr if is_terminal else _Lines(),
        mininterval=0.2 if is_terminal else _LOG_EVERY_S,
        dynamic_ncols=is_terminal,
        ncols=None if is_terminal else 100,
        smoothing=0.05,  # shards and exams differ in cost, so the time left is estimated from nearly the mean rate
    )


class _Lines(io.TextIOBase):
    """Standard error that prints each state of the bar as a line of its own, without carriage returns."""

    def write(self, text: str) -> int:
        if text.strip():
            print(text.strip(), file=sys.stderr, flush=True)
        return len(text)
