"""The requests of one call. If a server refuses the form of a request, the request is sent again in another form."""

from typing import TYPE_CHECKING, Any

from agents.employees.adaptations import adaptation_for, adapted
from agents.employees.call_errors import CallFailed
from agents.employees.providers.failures import Refusal, failed_call, refused

if TYPE_CHECKING:
    from openai import AsyncOpenAI

REQUESTS_MAX = 5  # per call; each request before the last was refused, cost nothing, and led to an adaptation


async def ask(
    client: "AsyncOpenAI", params: dict[str, Any], made: list[str], *, wall_s: float, secret: str | None
) -> tuple[bytes, str | None, dict[str, Any]]:
    """Return the body, the request id and the answered request. New adaptations are appended to `made`.

    :raises CallFailed: for every answer with a status other than 200, and for every failure of the connection.
    """
    import httpx2
    import openai

    expected = (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError, CallFailed)
    for left in reversed(range(REQUESTS_MAX)):
        sent = adapted(params, made)
        try:
            raw = await client.chat.completions.with_raw_response.create(**sent, timeout=wall_s)
            return raw.http_response.content, raw.headers.get("x-request-id"), sent
        except expected as error:
            refusal = refused(error)
            another = adaptation_for(refusal.status, refusal.body, sent, made) if refusal and left else None
            if another is None:
                raise _failure(error, refusal, str(client.base_url).rstrip("/"), secret) from None
            made.append(another)
    raise AssertionError("the last request is answered or fails")


def _failure(error: Exception, refusal: Refusal | None, base_url: str, secret: str | None) -> Exception:
    """Return the typed failure. An error that does not come from server, network or settings is returned unchanged."""
    if refusal is not None:
        return refusal.failure(base_url, secret)
    return failed_call(error, base_url, secret) or error
