"""The HTTP endpoint of a process: it serves only its pages, at the configured address."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest

from domain.errors import Unavailable
from observability import http_endpoint
from observability.http_endpoint import TEXT, Endpoint, Page
from tests.integration.peephole import WAIT_S, Peephole


@pytest.fixture
async def served() -> AsyncIterator[Peephole]:
    """Serve one page, `/yes`."""

    async def yes() -> Page:
        return Page(HTTPStatus.OK, TEXT, b"yes\n")

    server = Endpoint({"/yes": yes})
    url = await server.open(0)
    yield Peephole(url)
    await server.close()


async def test_the_endpoint_answers_get_of_its_pages_alone(served: Peephole, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await served.get("/yes?x=1") == (HTTPStatus.OK, "yes\n")
    assert (await served.get("/no"))[0] == HTTPStatus.NOT_FOUND
    assert (await served.get("/yes", method="POST"))[0] == HTTPStatus.METHOD_NOT_ALLOWED
    monkeypatch.setattr(http_endpoint, "REQUEST_WAIT_S", 0.2)
    silent, writer = await asyncio.open_connection(served._host, served._port)
    assert await asyncio.wait_for(silent.read(), WAIT_S) == b"", "whoever asks nothing is not waited for"
    writer.close()
    with pytest.raises(Unavailable, match=str(served._port)):
        await Endpoint({}).open(served._port)


async def test_the_endpoint_listens_where_it_is_told() -> None:
    everywhere = Endpoint({})
    url = await everywhere.open(0, "0.0.0.0")
    assert url.startswith("http://127.0.0.1:"), "where it is reached from here"
    assert (await Peephole(url).get("/"))[0] == HTTPStatus.NOT_FOUND
    await everywhere.close()
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1") as error:
        await Endpoint({}).open(0, "192.0.2.1")
    assert "AURA_METRICS_HOST" in error.value.hint
