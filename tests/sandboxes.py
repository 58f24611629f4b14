"""The real sandbox for tests, proved once per session."""

import asyncio
from collections.abc import Iterator

import pytest

from domain.errors import Unavailable
from verification.sandbox.bubblewrap import Bubblewrap


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Bubblewrap]:
    """A Bubblewrap that has passed its probe; the test is skipped, with the cause, where there is none."""
    made = Bubblewrap()
    try:
        asyncio.run(made.probe())
    except Unavailable as error:
        pytest.skip(str(error))
    yield made
    asyncio.run(made.close())
