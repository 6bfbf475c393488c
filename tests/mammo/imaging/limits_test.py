import concurrent.futures
import threading

import pytest

from mammo.imaging import limits
from mammo.imaging.limits import DamagedError, UnusableError

MAX_PIXELS = 1000


def test_an_image_is_refused_by_its_pixels_and_by_its_bytes():
    limits.check(20, 50, 2 * MAX_PIXELS, MAX_PIXELS)
    with pytest.raises(UnusableError, match="has 20 × 51 pixels; more than 1,000"):
        limits.check(20, 51, 1, MAX_PIXELS)
    with pytest.raises(UnusableError, match="to decode, more than any mammogram"):
        limits.check(20, 50, 2 * MAX_PIXELS + 1, MAX_PIXELS)


def test_damage_says_what_to_do():
    assert str(DamagedError("is truncated")) == "is truncated; copy it again from its source"


def test_no_more_is_decoded_at_a_time_than_fits():
    """Of eight threads with half of all memory each, two decode at a time; one that wants more than all goes alone."""
    lock, now, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2)
    half = limits._AT_A_TIME_BYTES // 2

    def decode(working_bytes: int) -> None:
        with limits.decoding(working_bytes):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            if working_bytes == half:
                both.wait(timeout=60)  # the second comes while the first is here
            with lock:
                now[0] -= 1

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [half] * 8))
        assert most[0] == 2
        most[0] = 0
        list(pool.map(decode, [100 * half] * 4))
        assert most[0] == 1
