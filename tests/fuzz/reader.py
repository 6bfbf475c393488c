"""What every fuzzed reader is: bytes from outside go in, and it ends well or with the sentence of an `InputError`."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader of bytes that come from outside.

    Attributes:
        read: Reads bytes, in an empty folder of its own that stays between calls. It raises `InputError` where they
            cannot be used; anything else that it raises, more than 1 GiB or more than 10 s are faults.
        seeds: Draws inputs that are read without a fault, for the fuzzer to begin with.
        most_bytes: How long inputs grow.
        mend: Puts the checksums of a mutated input right, as whoever means harm would; None: it has none.
    """

    read: Callable[[pathlib.Path, bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    most_bytes: int = 1 << 14
    mend: Callable[[bytes], bytes] | None = None
