"""The postings: one JSON file for each employee in AURA_HOME/employees. A file states how to reach the employee and
contains no keys.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from agents.employees.contract import Employee
from agents.employees.key_check import checked_key
from agents.employees.pricing import PriceSource, Rates
from agents.employees.prompts import Style
from bus.secretfile import secret
from domain.employee import Profile
from domain.errors import Invalid, NotFound
from domain.message import NAMESPACE, derive

if TYPE_CHECKING:
    from agents.employees.providers.scripted import Script

Kind = Literal["openai", "embedded", "scripted"]
OUTPUT_TOKENS_MAX = 1024
EMBEDDED_OUTPUT_TOKENS_MAX = 128
EMBEDDED_CONTEXT_TOKENS = 2048
PROMPT_TOKENS_MAX = 32_768
"""Default limit for a prompt. The reservation before a call is calculated from the real prompt."""


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """The way to reach an employee. `script`: the name of a built-in script, or the path of a file.

    `api_key_env`: the environment variable with the key. The variable with this name plus _FILE has the path of a key
    file.
    """

    name: str
    kind: Kind
    hired_as: UUID | None = msgspec.field(default=None, name="id")  # None: hired by a release without ids
    model: str = ""
    base_url: str = ""
    style: Style = "chat"
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


_posting = msgspec.json.Decoder(Posting)
_PORTS = {"http": 80, "https": 443}


def checked_name(name: str) -> str:
    """Return the name. Raises Invalid if it cannot be a file name."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise Invalid(f"{name!r} is not a plain name.", hint="Use letters, digits, - and _.")
    return name


def path_of(folder: Path, name: str) -> Path:
    """Return the path of an employee's file."""
    return folder / f"{checked_name(name)}.json"


def save(folder: Path, posting: Posting) -> Path:
    """Write an employee's file. It replaces an existing file."""
    path = path_of(folder, posting.name)
    os.replace(_partial(path, posting), path)
    return path


def create(folder: Path, posting: Posting) -> bool:
    """Write the file of an employee. Return False if the name is in use."""
    path = path_of(folder, posting.name)
    partial = _partial(path, posting)
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    finally:
        partial.unlink()
    return True


def _partial(path: Path, posting: Posting) -> Path:
    """Write the file under a temporary name, which readers ignore."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(posting)))
    return partial


def remove(folder: Path, employee: UUID) -> bool:
    """Remove the files of an employee. Return False if there is no file."""
    paths = [path for path, posting in _read(folder) if posting.id == employee]
    for path in paths:
        path.unlink(missing_ok=True)
    return bool(paths)


def load_all(folder: Path) -> list[Posting]:
    """Return the posting of each employee, sorted by name. Raises Invalid with the path of a file that cannot be
    read.
    """
    return list({posting.id: posting for _, posting in _read(folder)}.values())


def named(folder: Path, name: str) -> Posting | None:
    """Return the posting in the file NAME.json, or None if there is no file. Raises Invalid if the file cannot be
    read.
    """
    return next((posting for path, posting in _read(folder) if path.stem == name), None)


def _read(folder: Path) -> Iterator[tuple[Path, Posting]]:
    for path in sorted(folder.glob("*.json")):
        try:
            yield path, _posting.decode(path.read_bytes())
        except FileNotFoundError:
            continue  # dismissed or renamed a moment ago
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Invalid(
                f"The employee's file {path} cannot be read: {error}.",
                hint="Correct the file, or remove it and hire again.",
            ) from error


def find(folder: Path, wanted: str) -> Posting:
    """Return the posting of an employee by id or name. Raises NotFound if there is no such employee."""
    postings = load_all(folder)
    for posting in postings:
        if wanted in (str(posting.id), posting.name):
            return posting
    known = ", ".join(posting.name for posting in postings) or "none"
    raise NotFound(f"No employee is called {wanted}.", hint=f"The employees are: {known}. `aura hire` adds one.")


def build(posting: Posting, environment: Mapping[str, str]) -> Employee:
    """Build the employee of a posting. It opens no connection yet."""
    if posting.kind == "scripted":
        from agents.employees.providers.scripted import ScriptedEmployee

        return ScriptedEmployee(
            id=posting.id, name=posting.name, script=_script(posting.script), delay_s=posting.delay_s
        )
    if posting.kind == "embedded":
        from agents.employees.providers.llama_cpp import embedded_employee

        return embedded_employee(id=posting.id, name=posting.name, base_url=posting.base_url, style=posting.style)
    from pydantic import SecretStr

    from agents.employees.providers.openai import OpenAIEmployee

    key = key_of(posting, environment)
    return OpenAIEmployee(
        id=posting.id,
        name=posting.name,
        base_url=posting.base_url,
        model=posting.model,
        api_key=SecretStr(key) if key else None,
        style=posting.style,
        model_digest=posting.model_digest,
        price=posting.price_source,
    )


def key_of(posting: Posting, environment: Mapping[str, str]) -> str:
    """Return the employee's API key, or an empty text if it has no key. Raises Invalid for a text that cannot be a
    key.
    """
    key = secret(posting.api_key_env, environment) if posting.api_key_env else ""
    return checked_key(key, posting.api_key_env) if key else ""


def read_keys(folder: Path, environment: Mapping[str, str]) -> None:
    """Read every employee's key, so that this process removes the keys from its output. Invalid files are skipped."""
    with suppress(Invalid):
        for posting in load_all(folder):
            with suppress(Invalid):
                key_of(posting, environment)


def _script(name: str) -> "Script":
    from agents.employees.providers.scripted import Recording
    from agents.employees.scripts.cheater import Cheater

    return Cheater() if name == "cheater" else Recording.load(Path(name))


def profile_of(posting: Posting) -> Profile:
    """Return the organisation's view of an employee: its identity and the upper bounds of one call."""
    embedded = posting.kind == "embedded"
    context = EMBEDDED_CONTEXT_TOKENS if embedded else posting.prompt_tokens_max + posting.output_tokens_max
    call_usd_max, prompt_usd_max = _upper_bounds(posting)
    return Profile(
        name=posting.name,
        provider={"openai": "openai", "embedded": "llama.cpp", "scripted": "scripted"}[posting.kind],
        model=posting.model or posting.script,
        model_digest=posting.model_digest,
        style="scripted" if posting.kind == "scripted" else posting.style,
        scripted=posting.kind == "scripted",
        slots=posting.slots,
        output_tokens_max=posting.output_tokens_max,
        call_tokens_max=context,
        call_usd_max=call_usd_max,
        prompt_usd_max=prompt_usd_max,
        call_wall_s=posting.wall_s,
        server=origin_of(posting.base_url) if posting.kind == "openai" else "",
        parameters=_parameters(posting),
    )


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


def _parameters(posting: Posting) -> dict[str, str]:
    """Return the other request parameters that change the answers, or {} for a server outside the organisation."""
    if posting.kind != "embedded":
        return {}
    from agents.employees.providers.llama_cpp import FEEDBACK_MAX, STOPS, TEMPERATURE

    stop = msgspec.json.encode(STOPS[posting.style]).decode()
    return {"temperature": str(TEMPERATURE), "stop": stop, "feedback_max": str(FEEDBACK_MAX)}


def _upper_bounds(posting: Posting) -> tuple[Decimal | None, Decimal | None]:
    """Return the highest cost in USD of one call and of its longest prompt alone. An unknown cost is None."""
    if posting.kind != "openai" or posting.price_source == "zero":
        return Decimal(0), Decimal(0)
    from agents.employees.pricing import cost_of

    def price(input_tokens: int, output_tokens: int) -> Decimal | None:
        return cost_of(
            posting.price_source,
            base_url=posting.base_url,
            model=posting.model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
        ).usd

    whole, answer = price(posting.prompt_tokens_max, posting.output_tokens_max), price(0, posting.output_tokens_max)
    return whole, None if whole is None or answer is None else max(Decimal(0), whole - answer)
