"""Labels of a run: which names and values are permitted, and how a command line writes them."""

import pytest
from msgspec.structs import replace

from director.services.costs import dimensions_of, labels_of
from domain.errors import Invalid
from domain.labels import LABELS_MAX, NAME_CHARS_MAX, VALUE_CHARS_MAX, check_labels
from tests.unit import runs
from tests.unit.given import decide

GOOD = {"team": "web", "a.b-c_1": "x = y", "n" * NAME_CHARS_MAX: "v" * VALUE_CHARS_MAX}
BAD = [
    {"": "x"},
    {"Team": "x"},
    {"-a": "x"},
    {"a b": "x"},
    {"n" * (NAME_CHARS_MAX + 1): "x"},
    {"team": ""},
    {"team": " x"},
    {"team": "a\nb"},
    {"team": "v" * (VALUE_CHARS_MAX + 1)},
    {f"l{number}": "x" for number in range(LABELS_MAX + 1)},
]


def test_control_good_labels_are_recorded() -> None:
    check_labels(GOOD)
    (event,) = decide(replace(runs.SUBMIT, labels=GOOD))
    assert event.labels == GOOD  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_bad_label_is_refused(number: int) -> None:
    with pytest.raises(Invalid) as refused:
        decide(replace(runs.SUBMIT, labels=BAD[number]))
    assert refused.value.hint


def test_labels_are_written_as_name_and_value() -> None:
    assert labels_of(["team=web", "note=a=b"]) == {"team": "web", "note": "a=b"}
    for bad in (["team"], ["team=a", "team=b"], ["=x"]):
        with pytest.raises(Invalid):
            labels_of(bad)


def test_dimensions_are_names_or_labels() -> None:
    assert dimensions_of(" run, model,run,label.team") == ("run", "model", "label.team")
    for bad in ("", ",", "colour", "run,colour"):
        with pytest.raises(Invalid):
            dimensions_of(bad)
