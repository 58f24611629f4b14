"""The team's tests of the function `newest`."""

import pytest

from versions import newest


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["1.0.0"], "1.0.0"),
        (["1.2.0", "1.3.0", "1.1.9"], "1.3.0"),
        (["1.9.0", "1.10.0", "1.2.0"], "1.10.0"),
        (["2.0.0", "10.0.0", "9.9.9"], "10.0.0"),
        (["0.0.9", "0.0.11", "0.0.10"], "0.0.11"),
    ],
)
def test_the_newest(versions: list[str], expected: str) -> None:
    assert newest(versions) == expected
    assert newest(versions[::-1]) == expected


def test_the_list_is_left_as_it_was() -> None:
    versions = ["1.0.0", "3.0.0", "2.0.0"]
    assert newest(versions) == "3.0.0"
    assert versions == ["1.0.0", "3.0.0", "2.0.0"]


@pytest.mark.parametrize("versions", [[], ["1.0.0", "latest"], ["1.0"], ["1.0.0", ""]])
def test_what_has_no_newest(versions: list[str]) -> None:
    with pytest.raises(ValueError):
        newest(versions)
