"""A posting: how to reach one employee. It contains no key."""

from decimal import Decimal
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from agents.employees.pricing import PriceSource, Rates
from agents.employees.prompts import Style
from domain.employee import SessionTerms
from domain.message import NAMESPACE, derive

Api = Literal["chat", "responses"]
OUTPUT_TOKENS_MAX = 1024
EMBEDDED_OUTPUT_TOKENS_MAX = 128
EMBEDDED_CONTEXT_TOKENS = 2048
PROMPT_TOKENS_MAX = 32_768
"""Default limit for a prompt. The reservation before a call is calculated from the real prompt."""
_PORTS = {"http": 80, "https": 443}


class AgentTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The coding agent that an employee is. `name`, `digest`: of its template. `packages`: of its program, exactly.

    `flags`: those that a user added to its command line.
    """

    name: str
    digest: str
    packages: dict[str, str]
    flags: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """Return the parts of the employee's version."""
        program = ", ".join(f"{name} {version}" for name, version in sorted(self.packages.items()))
        flags = {"flags": msgspec.json.encode(self.flags).decode()} if self.flags else {}
        return {"agent": self.name, "template": self.digest, "program": program, **flags}


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """The way to reach an employee. `script`: the name of a built-in script, or the path of a file.

    `api_key_env`: the environment variable with the key. The variable with this name plus _FILE has the path of a key
    file. `session`: the limits of its sessions; None: it answers with one call. `agent`: the
    coding agent that works in its sessions; None: the model itself. `accounts`: names of accounts, whose keys are used
    in this order instead of the key in `api_key_env`.
    """

    name: str
    kind: str  # a key of PROVIDERS in agents/employees/providers/table.py
    hired_as: UUID | None = msgspec.field(default=None, name="id")  # None: hired by a release without ids
    model: str = ""
    base_url: str = ""
    style: Style = "chat"
    api: Api = "chat"
    api_key_env: str = ""
    price: Literal["genai-prices", "zero"] = "genai-prices"
    price_in: Decimal | None = None  # USD per million tokens; price_in and price_out are the price if both are set
    price_out: Decimal | None = None
    script: str = ""
    delay_s: float = 0.0
    slots: int = 1
    output_tokens_max: int = OUTPUT_TOKENS_MAX
    prompt_tokens_max: int = PROMPT_TOKENS_MAX
    wall_s: float = 120.0
    model_digest: str | None = None
    session: SessionTerms | None = None
    agent: AgentTerms | None = None
    tools: bool = True  # False: the server says that the model cannot call tools
    small: bool = False  # True: the server says that the model is tiny, so it gets the shortest prompt
    accounts: tuple[str, ...] = ()

    @property
    def price_source(self) -> PriceSource:
        """The source of a call's price. A price that was given at the hire has priority over a price table."""
        if self.price_in is not None and self.price_out is not None:
            return Rates(self.price_in, self.price_out)
        return self.price

    @property
    def id(self) -> UUID:
        """The employee's id, made at hire. If an older file has no id, the id is derived from the file's content."""
        if self.hired_as is not None:
            return self.hired_as
        parts = (self.name, self.kind, self.model, self.model_digest, self.style, self.script)
        return derive(NAMESPACE, "employee", *parts)


def origin_of(base_url: str) -> str:
    """Return scheme, host and port of an address, without user, path and query. Return an empty text if it is not an
    address.
    """
    try:
        parts = urlsplit(base_url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{shown}" + (f":{port}" if port not in (None, _PORTS.get(parts.scheme)) else "")
