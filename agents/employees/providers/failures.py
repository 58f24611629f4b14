"""Conversion of errors of the SDK, the HTTP client and the operating system to the typed failures of a call."""

import ssl
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from agents.employees.call_errors import CallFailed
from agents.employees.retry_after import retry_after_s
from agents.employees.safe_text import one_line
from agents.employees.server_errors import failure_of_status, sentence_of

CAUSES_MAX = 8
CAUSE_CHARS_MAX = 200


class Refusal(NamedTuple):
    """An error answer of a server. The names in `headers` are in lower case."""

    status: int
    body: str
    headers: Mapping[str, str]

    def failure(self, base_url: str, secret: str | None) -> CallFailed:
        """Return the typed failure, with the provider's own message and the requested wait."""
        sentence = sentence_of(self.body, secret)
        return CallFailed(
            failure_of_status(self.status, self.body),
            f"{base_url} answered {self.status}{f': {sentence}' if sentence else ' without a message.'}",
            retry_after_s=retry_after_s(self.headers, self.body, now=datetime.now(UTC)),
            status=self.status,
            request_id=request_id_of(self.headers),
            costs_nothing=True,  # an error answer is not a completion
        )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of a request, under the names of OpenAI and of Anthropic."""
    return headers.get("x-request-id") or headers.get("request-id")


def failed_call(error: Exception, base_url: str, secret: str | None) -> CallFailed | None:
    """Return the typed failure of a call without an answer, or None if the error is a defect of this program."""
    import httpx2

    causes = list(causes_of(error))
    typed = next((cause for cause in causes if isinstance(cause, CallFailed)), None)
    if typed is not None:
        return typed
    said = _said(causes, secret)

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(ssl.SSLError) or (among(httpx2.ConnectError) and "[SSL" in said):
        return CallFailed("tls", f"No secure connection to {base_url}: {said}")
    if among(httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError):
        return CallFailed("bad_settings", f"The request to {base_url} is not valid: {said}")
    if among(UnicodeError):
        return CallFailed("bad_settings", "The key or the base URL has a character that is not allowed in a request.")
    if among(httpx2.ProxyError):
        return _unreached(f"The proxy did not reach {base_url}: {said}")
    if among(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
        return _unreached(f"{base_url} cannot be reached: {said}")
    if among(httpx2.TimeoutException, *_of_openai("APITimeoutError"), TimeoutError):
        return CallFailed("timeout", f"{base_url} did not answer in time.")
    if among(httpx2.DecodingError, *_of_openai("APIResponseValidationError")):
        return CallFailed("malformed_response", f"The answer of {base_url} cannot be decompressed.")
    if among(httpx2.HTTPError, OSError):
        return CallFailed("connection", f"The connection to {base_url} failed: {said}")
    if among(*_of_openai("APIError")):
        return CallFailed("malformed_response", f"The answer of {base_url} cannot be parsed: {said}")
    return None


def _of_openai(name: str) -> tuple[type[BaseException], ...]:
    """Return a class of errors of OpenAI's SDK; none if the SDK was not imported, because then no error is from it.

    Its import takes a second.
    """
    module = sys.modules.get("openai")
    return (getattr(module, name),) if module is not None else ()


def _unreached(message: str) -> CallFailed:
    return CallFailed("connection", message, costs_nothing=True)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, the outermost error first, at most CAUSES_MAX errors."""
    present: BaseException | None = error
    for _ in range(CAUSES_MAX):
        if present is None:
            return
        yield present
        present = present.__cause__ or (None if present.__suppress_context__ else present.__context__)


def _said(causes: list[BaseException], secret: str | None) -> str:
    """Return the innermost message, which has the reason. The outer messages only report that there is an error."""
    words = next((str(cause) for cause in reversed(causes) if str(cause).strip()), type(causes[-1]).__name__)
    text = one_line(words, CAUSE_CHARS_MAX, secret)
    return text if text.endswith((".", "!", "?")) else f"{text}."
