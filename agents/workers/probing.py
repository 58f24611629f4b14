"""Answers of a worker's process to questions about its employees. The answers describe the environment of this
process.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee
from agents.employees.discovery.context_size import context_tokens
from agents.employees.posting import Posting
from agents.employees.postings import key_of, secret_key_of
from agents.employees.pricing import provider_of
from agents.employees.providers.proxies import proxy_of
from agents.employees.providers.table import PROVIDERS
from agents.employees.safe_text import one_line
from agents.workers.probe_call import ProbeCall, probe_call
from domain.errors import AuraError
from domain.wording import sentences

if TYPE_CHECKING:
    from pydantic import SecretStr

REACH_WAIT_S = 3.0
"""Seconds within which a server must accept a connection."""
MESSAGE_CHARS_MAX = 600
KeyState = Literal["none", "set", "unset", "unusable"]
_PORTS = {"http": 80, "https": 443}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a worker. If `call` is true, the worker makes one small call. Otherwise it checks key and
    server.
    """

    call: bool
    wait_s: float


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an employee in its worker's process.

    `problem`: the problem with the call or the server, and the next step. `key_problem`: the same for the key. Both
    texts are empty if there is no problem. `key_env`: the environment variable of the key, or empty. `seconds`: the
    duration of a successful call, or None. `call`: that call in detail. `price`: the source of the employee's prices.
    `server_context_tokens`: the context size that the server states; None if it states no size.
    """

    problem: str
    key_env: str
    key: KeyState
    key_problem: str
    seconds: float | None = None
    call: ProbeCall | None = None
    price: str = ""
    server_context_tokens: int | None = None

    @property
    def said(self) -> str:
        """ "ok" with the duration of a call in seconds, or the problem."""
        if self.seconds is not None:
            return f"ok, {self.seconds:.1f} s"
        return self.problem or self.key_problem or "ok"


_question = msgspec.json.Decoder(Question)


def unset_key(variable: str) -> str:
    """Return the message that a worker has no key. The message includes the next step."""
    return (
        f"{variable} is not set for the worker. Set {variable} (or {variable}_FILE) in the shell that runs "
        "`aura up`, then run `aura down` and `aura up`."
    )


def key_state(posting: Posting, environment: Mapping[str, str]) -> tuple[KeyState, str]:
    """Return whether the employee's key is set, and the problem with the key."""
    if not PROVIDERS[posting.kind].remote or not posting.api_key_env:
        return "none", ""
    try:
        found = key_of(posting, environment)
    except AuraError as error:
        return "unusable", str(error)
    if found:
        return "set", ""
    return "unset", unset_key(posting.api_key_env) if needs_key(posting) else ""


def needs_key(posting: Posting) -> bool:
    """Return whether the employee's server belongs to a known vendor. Vendors refuse requests without a key."""
    remote = PROVIDERS[posting.kind].remote
    return remote and (not posting.base_url or provider_of(posting.base_url) is not None)


class Served:
    """One employee that a process serves or fails to build. The object answers questions about the employee."""

    def __init__(
        self,
        posting: Posting,
        environment: Mapping[str, str],
        employee: Employee | None,
        why_not: str = "",
        ways: Sequence[tuple[Posting, Mapping[str, str]]] = (),
    ) -> None:
        """`ways`: for each account of the employee, its posting and environment. A call goes through the first one."""
        self._ways = [*ways] or [(posting, environment)]
        self._posting, self._environment = self._ways[0]
        self._employee = employee
        self._why_not = why_not

    async def answer(self, data: bytes) -> bytes:
        """Answer a question. Data that cannot be decoded counts as a question without a call."""
        try:
            question = _question.decode(data)
        except msgspec.DecodeError:
            question = Question(call=False, wait_s=REACH_WAIT_S)
        return msgspec.json.encode(await self.report(question))

    async def report(self, question: Question) -> WorkerReport:
        """Check the key and the server, or make the call."""
        posting = self._posting
        states = [key_state(*way) for way in self._ways]
        worst = next((place for place, state in enumerate(states) if state[1]), 0)
        key, key_problem = states[worst]
        problem, call, context = "", None, None
        if self._why_not:
            problem = self._why_not
        elif question.call and self._employee is not None:
            (problem, call), context = await asyncio.gather(
                self._called(self._employee, question.wait_s, unset=key == "unset"),
                context_tokens(posting, self._key()),
            )
        elif not key_problem:
            problem = await unreachable(posting, self._environment)
        return WorkerReport(
            problem=one_line(problem, MESSAGE_CHARS_MAX),
            key_env=self._ways[worst][0].api_key_env if PROVIDERS[posting.kind].remote else "",
            key=key,
            key_problem=one_line(key_problem, MESSAGE_CHARS_MAX),
            seconds=call.seconds if call is not None else None,
            call=call,
            price=self._employee.describe().get("price", "") if self._employee is not None else "",
            server_context_tokens=context,
        )

    def _key(self) -> "SecretStr | None":
        """Return the employee's key; None if there is no usable key."""
        try:
            return secret_key_of(self._posting, self._environment)
        except AuraError:
            return None

    async def _called(self, employee: Employee, wait_s: float, *, unset: bool) -> tuple[str, ProbeCall | None]:
        """Make a small call. Return the problem, if any, or the call. No error of the call stops the worker."""
        try:
            async with asyncio.timeout(wait_s):
                return "", await probe_call(employee)
        except TimeoutError:
            return f"No answer within {wait_s:g} s.", None
        except CallFailed as failure:
            blames_key = failure.failure in ("auth", "forbidden") or needs_key(self._posting)
            if unset and blames_key:
                return sentences(failure.message, unset_key(self._posting.api_key_env)), None
            return str(failure), None
        except Exception as error:
            return f"This employee cannot be called: {type(error).__name__}.", None


async def unreachable(posting: Posting, environment: Mapping[str, str]) -> str:
    """Return the reason why the employee's server accepts no connection. The text is empty if the server accepts a
    connection, if the employee has no server, or if a proxy is used.
    """
    if not posting.base_url or proxy_of(posting.base_url, environment) is not None:
        return ""
    try:
        parts = urlsplit(posting.base_url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        async with asyncio.timeout(REACH_WAIT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, ValueError) as error:
        said = str(error) or "it does not answer in time"
        return f"{posting.base_url} cannot be reached: {said}. Check that the model server runs."
    writer.close()
    return ""
