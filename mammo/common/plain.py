r"""Text from outside, such as the names of files, made safe to show: on a terminal, in a log, in a page, in a table.

Escape codes could rewrite what a terminal shows, direction marks what a reader reads, and a name in no encoding cannot
be written at all. Each such character is written as bash's `printf %b` reads it: `\n`, `\x1b`, `\u202e`; the bytes of
a name in no encoding, which Python keeps as lone surrogates (PEP 383), are `\xfc`.
"""

import unicodedata

_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode: controls, formats (direction marks are among them), surrogates, ends of lines."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF  # by which PEP 383 keeps the bytes from 0x80 on
_BYTE_MASK = 0xFF
_MOST_OF_ONE_BYTE, _MOST_OF_TWO_BYTES = 0x7F, 0xFFFF


def shown(text: str) -> str:
    """Returns text from outside as one line of what can be shown."""
    return text if text.isprintable() else "".join(map(_shown, text))


def shown_lines(text: str) -> str:
    """Returns text of several lines as what can be shown; ends of lines and tabs stay."""
    return text if text.isprintable() else "".join(char if char in "\n\t" else _shown(char) for char in text)


def utf8(text: str) -> str:
    """Returns text that can be written as UTF-8: all of it but lone surrogates stays as it is."""
    return text if text.isascii() else "".join(_escaped(char) if _is_surrogate(char) else char for char in text)


def is_safe(char: str) -> bool:
    """Tells whether a character can be shown as it is."""
    return char.isprintable() or unicodedata.category(char) not in _UNSAFE


def _shown(char: str) -> str:
    return char if is_safe(char) else _escaped(char)


def _is_surrogate(char: str) -> bool:
    return unicodedata.category(char) == "Cs"


def _escaped(char: str) -> str:
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if code <= _MOST_OF_ONE_BYTE or _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code & _BYTE_MASK:02x}"
    return f"\\u{code:04x}" if code <= _MOST_OF_TWO_BYTES else f"\\U{code:08x}"
