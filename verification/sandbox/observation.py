"""The rule by which a long output is shortened for a model.

1. The beginning and the end of the output are kept, about half of `bytes_max` each. A note between them states the
   number of bytes left out.
2. The text is valid UTF-8. Bytes that are not UTF-8 become `\\xNN`. Control characters, except line feed and tab, and
   characters that change the direction or visibility of text become `\\xNN` or `\\uNNNN`.
3. The text, with its note, has at most `bytes_max` bytes.
"""

import re
from collections.abc import Iterable, Iterator

BYTES_LEAST = 128
"""Smallest permitted `bytes_max`. The note alone needs about 60 bytes."""
OBSERVATION_BYTES_MAX = 16 * 1024
"""Size limit of one observation, if the caller names no other."""
_CONTINUATION_MAX = 3  # a UTF-8 character has at most 3 bytes after its first one
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def observation(head: bytes, tail: bytes = b"", left_out: int = 0, *, bytes_max: int = OBSERVATION_BYTES_MAX) -> str:
    """Return the text of an output with at most `bytes_max` bytes.

    `left_out` is the number of bytes between `head` and `tail` that the caller does not have. Raises ValueError if
    `bytes_max` is below BYTES_LEAST.
    """
    if bytes_max < BYTES_LEAST:
        raise ValueError(f"an observation needs at least {BYTES_LEAST} bytes")
    if not left_out:
        head = tail = head + tail
        if len(head) <= bytes_max and len((whole := escaped(head)).encode()) <= bytes_max:
            return whole
        return _shortened(head, tail, len(head), bytes_max)
    total = left_out + len(head) + len(tail)
    return _shortened(_without_cut_end(head), _without_cut_start(tail), total, bytes_max)


def escaped(content: bytes) -> str:
    """Return the bytes as text without control characters and without invalid UTF-8."""
    return _UNSAFE.sub(_code, content.decode("utf-8", "backslashreplace"))


def _code(found: "re.Match[str]") -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _shortened(head: bytes, tail: bytes, total: int, bytes_max: int) -> str:
    """Return the note with as much of the beginning and of the end as fits around it."""
    room = bytes_max - len(_note(total))  # the number in the note has at most as many digits as `total`
    first, first_bytes = _fitting(_pieces(_beginning(head, room // 2)), room // 2)
    last, last_bytes = _fitting(reversed(list(_pieces(_ending(tail, room - room // 2)))), room - room // 2)
    return f"{''.join(first)}{_note(total - first_bytes - last_bytes)}{''.join(reversed(last))}"


def _note(left_out: int) -> str:
    return f"\n[... {left_out} bytes left out ...]\n"


def _pieces(content: bytes) -> Iterator[tuple[str, int]]:
    """Yield the text of each character, and the number of its bytes in `content`."""
    for char in content.decode("utf-8", "surrogateescape"):
        if "\udc80" <= char <= "\udcff":
            yield f"\\x{ord(char) - 0xDC00:02x}", 1
        else:
            yield _UNSAFE.sub(_code, char), len(char.encode())


def _fitting(pieces: Iterable[tuple[str, int]], room: int) -> tuple[list[str], int]:
    """Return the first pieces that fit into `room` bytes, and the number of source bytes that they stand for."""
    kept, taken = [], 0
    for text, size in pieces:
        room -= len(text.encode())
        if room < 0:
            break
        kept.append(text)
        taken += size
    return kept, taken


def _beginning(content: bytes, size: int) -> bytes:
    """Return the first `size` bytes, without a character that ends behind them."""
    return content if len(content) <= size else _without_cut_end(content[:size])


def _ending(content: bytes, size: int) -> bytes:
    """Return the last `size` bytes, without a character that begins before them."""
    return content if len(content) <= size else _without_cut_start(content[len(content) - size :])


def _without_cut_end(content: bytes) -> bytes:
    """Return the content without an incomplete character at its end."""
    for back in range(1, min(_CONTINUATION_MAX, len(content)) + 1):
        first = content[-back]
        if first & 0xC0 == 0x80:
            continue
        length = 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2 if first >= 0xC0 else 1
        return content[:-back] if length > back else content
    return content


def _without_cut_start(content: bytes) -> bytes:
    """Return the content without the rest of a character at its start."""
    count = 0
    while count < min(len(content), _CONTINUATION_MAX + 1) and content[count] & 0xC0 == 0x80:
        count += 1
    return content[count:] if count <= _CONTINUATION_MAX else content
