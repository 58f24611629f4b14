"""Labels of a run: names and values by which people group costs, such as team=web."""

from collections.abc import Mapping

from domain.errors import Invalid

LABELS_MAX = 16
NAME_CHARS_MAX = 40
VALUE_CHARS_MAX = 80
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_CHARS = _FIRST | frozenset("_.-")


def check_labels(labels: Mapping[str, str]) -> None:
    """Check the labels of a submission. Raises Invalid."""
    if len(labels) > LABELS_MAX:
        raise Invalid(f"A run cannot have {len(labels)} labels.", hint=f"Give at most {LABELS_MAX} labels.")
    for name, value in labels.items():
        if len(name) > NAME_CHARS_MAX or name[:1] not in _FIRST or not _CHARS.issuperset(name):
            raise Invalid(
                f"{name!r} cannot be the name of a label.",
                hint=f"Use at most {NAME_CHARS_MAX} of these characters: a to z, 0 to 9, dot, - and _. "
                "Begin with a letter or a digit.",
            )
        if not value or len(value) > VALUE_CHARS_MAX or not value.isprintable() or value != value.strip():
            raise Invalid(
                f"The label {name} cannot have the value {value!r}.",
                hint=f"Give 1 to {VALUE_CHARS_MAX} printable characters, without space at the ends.",
            )
