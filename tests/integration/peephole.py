"""The HTTP pages of a process, read as by an operator."""

import asyncio
import time
from http import HTTPStatus

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from observability.health import HealthReport
from runtime.composition import Organisation

WAIT_S = 120.0
Labels = tuple[tuple[str, str], ...]
Numbers = dict[tuple[str, Labels], float]


class Peephole:
    """The pages of one process."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)

    async def get(self, path: str, *, method: str = "GET") -> tuple[int, str]:
        """Return status and body of a page."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(), WAIT_S)).decode().partition("\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        return int(head.split()[1]), body

    async def report(self) -> tuple[int, HealthReport]:
        status, body = await self.get("/readyz")
        return status, msgspec.json.decode(body, type=HealthReport)

    async def until(self, status: int) -> HealthReport:
        """Wait until /readyz gives this answer."""
        deadline = time.monotonic() + WAIT_S
        while True:
            found, report = await self.report()
            if found == status:
                return report
            assert time.monotonic() < deadline, report
            await asyncio.sleep(0.1)

    async def caught_up(self) -> None:
        """Wait until every reader has passed the last event."""
        deadline = time.monotonic() + WAIT_S
        while True:
            report = await self.until(HTTPStatus.OK)
            if all(reader.lag == 0 for reader in report.readers.values()):
                return
            assert time.monotonic() < deadline, report
            await asyncio.sleep(0.05)

    async def numbers_with(self, name: str) -> Numbers:
        """Return the metrics as soon as one is above 0, for a metric that follows from what the recorder has stored."""
        async with asyncio.timeout(WAIT_S):
            while total(numbers := await self.numbers(), name) <= 0:  # noqa: ASYNC110  # the metrics come from HTTP
                await asyncio.sleep(0.05)
        return numbers

    async def numbers(self) -> Numbers:
        _, text = await self.get("/metrics")
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def peephole(house: Organisation) -> Peephole:
    assert house.vitals.url is not None
    return Peephole(house.vitals.url)


def total(numbers: Numbers, name: str, **labels: str) -> float:
    """Return the sum over all samples of a metric that have these labels."""
    return sum(value for (found, of), value in numbers.items() if found == name and labels.items() <= dict(of).items())
