"""One request through a provider's SDK. The SDK forms and signs the request; our client keeps what went over the wire.

So no provider depends on the errors or the response types of its SDK. Import it late: the import of httpx2 is slow.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

import httpx2

from agents.employees.call_errors import CallFailed
from agents.employees.providers.failures import Refusal, causes_of, failed_call
from agents.employees.providers.http_client import BoundedClient


class Exchange(NamedTuple):
    """A request that was answered with a success. `headers`: of the answer, names in lower case."""

    request: bytes
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """An error answer, raised below the SDK."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"status {refusal.status}")
        self.refusal = refusal


_kept: ContextVar[list[Exchange] | None] = ContextVar("_kept", default=None)


class RecordingClient(BoundedClient):
    """A client that keeps the answered requests of the running call."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request. Raises Refused for every answer that is not a success."""
        response = await super().send(request, **options)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not 200 <= response.status_code < 300:
            raise Refused(Refusal(response.status_code, response.text, headers))
        kept = _kept.get()
        if kept is not None:
            kept.append(Exchange(response.request.content, headers, response.content))
        return response


async def exchanged(
    call: Callable[[], Awaitable[object]],
    *,
    errors: tuple[type[Exception], ...],
    base_url: str,
    secret: str | None,
) -> Exchange:
    """Make the call of an SDK and return what went over the wire. `errors`: the SDK's own.

    :raises Refused: for an error answer.
    :raises CallFailed: if there was no answer.
    """
    kept: list[Exchange] = []
    expected: tuple[type[Exception], ...] = (
        *errors,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        OSError,
        UnicodeError,
        CallFailed,
        Refused,
    )
    token = _kept.set(kept)
    try:
        await call()
    except expected as error:
        refused = next((cause for cause in causes_of(error) if isinstance(cause, Refused)), None)
        if refused is not None:
            raise refused from None
        if not kept:  # if there is an answer, the SDK could not parse it, and the provider tries
            failure: Exception = failed_call(error, base_url, secret) or error
            raise failure from None
    finally:
        _kept.reset(token)
    return kept[-1]
