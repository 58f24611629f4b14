"""Observations: the results of tools as the model sees them. Head and tail are kept, and the rest is counted."""

OBSERVATION_BYTES_MAX = 16 * 1024
"""Bytes of one result that the model sees."""


def bounded(
    content: bytes, bytes_max: int = OBSERVATION_BYTES_MAX, *, left_out: int = 0, after_head: int | None = None
) -> str:
    """Return a result as text of about `bytes_max` bytes: its head, a note, and its tail.

    `left_out`: bytes that are already missing in `content`, after the first `after_head` bytes.
    """
    if len(content) <= bytes_max and not left_out:
        return printable(content)
    half = bytes_max // 2
    if left_out and after_head is not None:
        head, tail = content[: min(half, after_head)], content[max(after_head, len(content) - half) :]
    else:
        head, tail = content[:half], content[-half:]
    missing = len(content) - len(head) - len(tail) + left_out
    return f"{printable(head)}\n[{missing} bytes are left out here]\n{printable(tail)}"


def printable(content: bytes) -> str:
    """Return text without control characters. Bytes that are not UTF-8 are shown as the replacement character."""
    text = content.decode(errors="replace").replace("\r\n", "\n")
    return "".join(char if char in "\n\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)
