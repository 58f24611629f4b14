"""Sealed tests of the function `bump`: each result is newer than its argument."""

import pytest

from versions import bump, newest


@pytest.mark.parametrize("part", ["major", "minor", "patch"])
@pytest.mark.parametrize("version", ["0.0.9", "1.4.2", "19.99.9"])
def test_a_bumped_version_is_newer(version: str, part: str) -> None:
    following = bump(version, part)
    assert following.count(".") == 2
    assert newest([following, version]) == following != version


def test_a_year_of_releases() -> None:
    version = "1.8.0"
    for part in ["patch", "patch", "minor", "minor", "patch", "major"]:
        version = bump(version, part)
    assert version == "2.0.0"
