"""Reads single elements of a DICOM data set from outside, none of which may be longer than what it can mean.

pydicom makes an object of each value of an element when it is first asked for; a text of 100 MB with a backslash at
every second place would take gigabytes.
"""

import math
import re

import pydicom.datadict
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

_MAX_VALUE_BYTES = 1 << 14
_MAX_SEQUENCE_BYTES = 1 << 20  # a look-up table takes 128 KiB, the functional groups of 100 frames some 300
_TEXTUAL_VRS = ("DS", "IS", "UN", None)


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Returns the values of an element as texts without the padding around them; none where it is missing or empty.

    Raises:
        Exception: It is damaged, or too long for what it means; pydicom raises errors of any kind.
    """
    value = _value(dataset, keyword, _MAX_VALUE_BYTES)
    if value is None:
        return ()
    values = value if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else [value]
    found = tuple(str(one).strip(" \0\t\r\n") if one is not None else "" for one in values)
    return found if any(found) else ()


def text(dataset: Dataset, keyword: str) -> str:
    """Returns an element as one text, several values with backslashes between; "" where it is missing or empty.

    Raises:
        Exception: As `texts`.
    """
    return "\\".join(texts(dataset, keyword))


def number(dataset: Dataset, keyword: str) -> float | None:
    """Returns the first value of an element as a finite number; None: it is missing, empty, or no number.

    A comma stands for the decimal point, as anonymisers and drivers of some countries write it.
    """
    try:
        raw = dataset.get_item(pydicom.datadict.tag_for_keyword(keyword) or 0, keep_deferred=True)
        if isinstance(raw, RawDataElement) and raw.VR in _TEXTUAL_VRS and _is_decimal(keyword):
            # pydicom refuses all of the element where one value is no number.
            first = (raw.value or b"")[:64].split(b"\\")[0].decode("latin-1")
        else:
            first = next(iter(texts(dataset, keyword)), "")
        found = float(re.sub(",", ".", first.strip(" \0")))
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(dataset: Dataset, keyword: str) -> int | None:
    """Returns the first value of an element as an integer; None: it is missing, empty, or none."""
    found = number(dataset, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Returns the items of a sequence; none where it is missing or empty.

    Raises:
        Exception: As `texts`.
    """
    value = _value(dataset, keyword, _MAX_SEQUENCE_BYTES)
    return list(value) if isinstance(value, Sequence) else []


def first_item(dataset: Dataset, *keywords: str) -> Dataset:
    """Returns the first item of a sequence within the first item of another and so on; an empty one where one lacks.

    Raises:
        Exception: As `texts`.
    """
    for keyword in keywords:
        dataset = next(iter(items(dataset, keyword)), Dataset())
    return dataset


def functional_group(dataset: Dataset, keyword: str) -> Dataset:
    """Returns what the functional groups of a multi-frame object say of its first frame (PS3.3, C.7.6.16).

    Args:
        dataset: Of the object.
        keyword: Of a sequence such as "FrameVOILUTSequence".

    Returns:
        Its first item; an empty one where there is none.

    Raises:
        Exception: As `texts`.
    """
    own = Dataset()
    if not _is_too_long(dataset, "PerFrameFunctionalGroupsSequence", _MAX_SEQUENCE_BYTES):  # as of very many frames
        own = first_item(dataset, "PerFrameFunctionalGroupsSequence", keyword)
    return own if len(own) else first_item(dataset, "SharedFunctionalGroupsSequence", keyword)


def _value(dataset: Dataset, keyword: str, max_bytes: int) -> object:
    tag = pydicom.datadict.tag_for_keyword(keyword) or 0
    if _is_too_long(dataset, keyword, max_bytes):
        raise ValueError(f"{keyword} has more than {max_bytes} bytes")
    return dataset[tag].value if tag in dataset else None


def _is_too_long(dataset: Dataset, keyword: str, max_bytes: int) -> bool:
    """Whether an element has more bytes than this, or was passed over for its length, and was not taken apart yet."""
    raw = dataset.get_item(pydicom.datadict.tag_for_keyword(keyword) or 0, keep_deferred=True)
    return isinstance(raw, RawDataElement) and bool(raw.length) and (raw.value is None or len(raw.value) > max_bytes)


def _is_decimal(keyword: str) -> bool:
    return pydicom.datadict.dictionary_VR(keyword) in ("DS", "IS")
