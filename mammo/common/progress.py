"""Progress with a rate and the time left, on a terminal and in a log."""

import io
import sys

import tqdm

_LOG_EVERY_S = 10


def bar(total: int, unit: str, *, initial: int = 0, delay_s: float = 0.0) -> tqdm.tqdm:
    """Returns a progress bar on standard error; where that is no terminal, a line every ten seconds.

    Args:
        total: How many there are.
        unit: What they are, in the singular, with a space before it.
        initial: How many an earlier run had done; they do not count for the rate.
        delay_s: Work that is done within it shows nothing.
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
        smoothing=0.05,  # shards and exams differ in cost: nearly the mean rate makes the better estimate
    )


class _Lines(io.TextIOBase):
    """Standard error with a line for each state of the bar, in place of a carriage return."""

    def write(self, text: str) -> int:
        if text.strip():
            print(text.strip(), file=sys.stderr, flush=True)
        return len(text)
