"""The client of AURA_URL: it sends a command to the HTTP API and prints the answer as the command itself would.

It needs no NATS and no Postgres. It sends the token only to the host of AURA_URL: no proxy, no redirect.
"""

import inspect
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import httpx2
import msgspec

from director.cli.output import Door
from director.cli.remote import messages
from director.cli.remote.address import CA_FILE, URL, Address, address_in
from director.cli.remote.offers import Offer, refuse_option
from director.cli.remote.upload import files_of
from domain import errors
from domain.errors import AuraError, Invalid, Unavailable, said_by

CONNECT_S = 10.0
SILENCE_S = 60.0
"""A server that sends nothing for this time, not even a beat, is gone."""
LINE_BYTES_MAX = 64 << 20
PROBLEM_BYTES_MAX = 1 << 20
_KINDS: Mapping[str, type[AuraError]] = {
    each.kind: each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AuraError)
} | {"limit_reached": errors.LimitReached, "conflict": errors.Conflict, "failed": errors.Failed}
_STATUS_KINDS = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 409: "conflict", 429: "limit_reached"}
_message_of = msgspec.json.Decoder(messages.AnyMessage)


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a problem (RFC 9457) that the command line shows."""

    code: str
    detail: str
    hint: str = ""
    kind: str = ""


_problem_of = msgspec.json.Decoder(_Problem)


async def send(name: str, offer: Offer, function: Any, door: Door, options: Mapping[str, Any]) -> None:
    """Send a command, and print its messages until its answer. Raises the error of the command, or Unavailable."""
    address = address_in(os.environ)
    asked = _asked(name, offer, function, options, as_json=door.as_json)
    answer: messages.Answer | messages.End | None = None
    async with aclosing(_messages(name, address, asked)) as coming:
        async for message in coming:
            if isinstance(message, messages.Answer | messages.End):
                answer = message
                break
            _show(door, message)
    if isinstance(answer, messages.Answer):
        _answer(door, answer)  # after the connection is closed, because it may exit
    if answer is None:
        raise Unavailable(
            f"The connection to {address.url} ended before the answer. The command may have been carried out.",
            hint="See what is on record: aura events",
            code="cut_off",
        )


def _asked(name: str, offer: Offer, function: Any, options: Mapping[str, Any], *, as_json: bool) -> messages.Asked:
    """Return the options that differ from their defaults. Raises Invalid for one that works only there."""
    defaults = {each.name: each.default for each in inspect.signature(function).parameters.values()}
    given = {option: value for option, value in options.items() if value != defaults[option]}
    for option in offer.not_here:
        if option in given:
            raise refuse_option(name, option)
    files = {}
    if offer.uploads:
        file = given[offer.uploads]
        files = files_of(file)
        given[offer.uploads] = file.name
    return messages.Asked(options=given, as_json=as_json, files=files)


def _show(door: Door, message: messages.AnyMessage) -> None:
    match message:
        case messages.Say(text=text, aside=aside):
            (door.note if aside else door.say)(text)
        case messages.Line(data=data, text=text):
            door.line(data, text)
        case messages.Interrupted(text=text):
            door.when_interrupted = text


def _answer(door: Door, answer: messages.Answer) -> None:
    fault = answer.fault
    error = (
        None if fault is None else _KINDS.get(fault.kind, AuraError)(fault.message, hint=fault.hint, code=fault.code)
    )
    door.answer(None if bytes(answer.data) == b"null" else answer.data, answer.text, error)


async def _messages(name: str, address: Address, asked: messages.Asked) -> AsyncGenerator[messages.AnyMessage, None]:
    headers = {
        "Authorization": f"Bearer {address.token}",
        "Idempotency-Key": str(uuid4()),
        "Content-Type": "application/json",
    }
    timeout = httpx2.Timeout(SILENCE_S, connect=CONNECT_S)
    try:
        async with (
            httpx2.AsyncClient(
                verify=_trust(address), trust_env=False, follow_redirects=False, timeout=timeout, headers=headers
            ) as client,
            client.stream("POST", f"{address.url}/api/commands/{name}", content=msgspec.json.encode(asked)) as answer,
        ):
            if answer.status_code != 200:
                raise await _problem(address, answer)
            async for line in _lines(answer):
                yield _message_of.decode(line)
    except httpx2.InvalidURL:
        raise Invalid(f"{URL} is not the address of an organisation.", hint="Write a shorter host name.") from None
    except httpx2.HTTPError as error:
        raise _unreachable(address, error) from None
    except msgspec.DecodeError:
        raise _other_server(address) from None


async def _lines(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield the lines of an answer. A line that never ends is refused."""
    rest = bytearray()
    async for part in answer.aiter_bytes():
        rest += part
        *lines, last = rest.split(b"\n")
        for line in lines:
            yield bytes(line)
        rest = bytearray(last)
        if len(rest) > LINE_BYTES_MAX:
            raise Unavailable("A line of the answer is too large.", hint="Ask for less, for example with --run.")


async def _problem(address: Address, answer: httpx2.Response) -> AuraError:
    """Return the error of an answer that is a problem."""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > PROBLEM_BYTES_MAX:
            break
    try:
        problem = _problem_of.decode(bytes(body))
    except msgspec.DecodeError:
        return _other_server(address, answer.status_code)
    kind = problem.kind or _STATUS_KINDS.get(
        answer.status_code, "invalid" if answer.status_code < 500 else "unavailable"
    )
    hint = problem.hint
    if kind == "unauthenticated":
        hint = "AURA_TOKEN is not a token of this organisation, or it has ended. Ask a director for a new one."
    return _KINDS.get(kind, AuraError)(problem.detail, hint=hint, code=problem.code)


def _trust(address: Address) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if address.ca_file is None else str(address.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise Invalid(
            f"{CA_FILE} names {address.ca_file}, which has no certificate that can be read: {said_by(error)}.",
            hint="Name a PEM file with the certificate of the authority.",
        ) from None


def _unreachable(address: Address, error: httpx2.HTTPError) -> AuraError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Unavailable(
            f"The TLS connection to {address.url} failed: {said_by(error)}.",
            hint=f"If the organisation has its own authority, name its certificate: {CA_FILE}=FILE. "
            f"If the server has no TLS, it must be reached through a tunnel or a proxy.",
            code="tls",
        )
    return Unavailable(
        f"{address.url} does not answer: {said_by(error)}.",
        hint=f"See that `aura serve http` or `aura up` runs there, and that {URL} is right.",
        code="unreachable",
    )


def _other_server(address: Address, status: int = 200) -> AuraError:
    moved = " It redirects, and a token is never sent on to another address." if 300 <= status < 400 else ""
    return Unavailable(
        f"{address.url} answers, but not as an organisation of Aura (HTTP {status}).{moved}",
        hint=f"Correct {URL}. Both machines need the same release of aura.",
        code="other_server",
    )
