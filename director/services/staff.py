"""Behind employees, hire and scores."""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from agents.employees.postings import OUTPUT_TOKENS_MAX, PROMPT_TOKENS_MAX, Posting, build, load_all, profile_of
from agents.employees.pricing import Rates
from director.services.bring_up import hire
from director.services.session import archive, desk, rows
from director.settings import Settings
from director.terminal.escape import visible
from director.terminal.output import Door
from director.terminal.text import clock, money, table
from domain.errors import AuraError, Failed, Invalid, NotFound

_RATE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Hiring:
    """The options of `aura hire`. Prices are USD for a million tokens, as text; empty: not stated."""

    name: str
    base_url: str = ""
    model: str = ""
    style: str = "chat"
    key_env: str = "OPENAI_API_KEY"
    local: bool = False
    price_in: str = ""
    price_out: str = ""
    slots: int = 1
    output_tokens: int = OUTPUT_TOKENS_MAX
    prompt_tokens: int = PROMPT_TOKENS_MAX
    wall_s: float = 120.0
    script: str = ""


def posting_of(wanted: Hiring) -> Posting:
    """Return the posting that the options ask for. Raises Invalid if one is missing or cannot be used."""
    if wanted.script:
        if not Path(wanted.script).is_file():
            raise NotFound(f"There is no script {wanted.script}.", hint='Write JSON: {"T1": [{"slug.py": "…"}]}')
        script = str(Path(wanted.script).absolute())
        return Posting(name=wanted.name, kind="scripted", script=script, slots=wanted.slots, wall_s=wanted.wall_s)
    if not wanted.base_url or not wanted.model:
        raise Invalid(
            "An employee needs a server and a model.",
            hint="Example: aura hire coder --base-url http://127.0.0.1:11434/v1 --model qwen2.5-coder:7b --local",
        )
    address = _address(wanted.base_url)
    if wanted.style not in ("chat", "grammar"):
        raise Invalid(f"There is no style {wanted.style}.", hint="Write chat, or grammar for a llama.cpp server.")
    rates = _rates(wanted)
    return Posting(
        name=wanted.name,
        kind="openai",
        base_url=address,
        model=wanted.model.strip(),
        style="grammar" if wanted.style == "grammar" else "chat",
        api_key_env=wanted.key_env,
        price="zero" if wanted.local else "genai-prices",
        price_in=rates and rates.input_usd,
        price_out=rates and rates.output_usd,
        slots=wanted.slots,
        output_tokens_max=wanted.output_tokens,
        prompt_tokens_max=wanted.prompt_tokens,
        wall_s=wanted.wall_s,
    )


def _rates(wanted: Hiring) -> Rates | None:
    """Return the stated prices; None if none is stated. Raises Invalid for half of them or for no price."""
    if not wanted.price_in and not wanted.price_out:
        return None
    example = "Write both, in USD for a million tokens: --price-in 2.50 --price-out 10"
    if not wanted.price_in or not wanted.price_out:
        raise Invalid("A price has two parts: of the prompt and of the answer.", hint=example)
    if wanted.local:
        raise Invalid(
            "--local says that a call costs nothing, and --price-in says what it costs.", hint="Leave one out."
        )
    parts = []
    for option, text in (("--price-in", wanted.price_in), ("--price-out", wanted.price_out)):
        if not _RATE.fullmatch(text):
            raise Invalid(f"{option} {text} is not a price from 0 to 999999.", hint=example)
        parts.append(Decimal(text))
    return Rates(*parts)


def _address(base_url: str) -> str:
    """The base URL without spaces around it. Raises Invalid for what is no address of a web server."""
    from agents.employees.call_errors import CallFailed
    from agents.employees.providers.http_client import address_of

    try:
        return address_of(base_url)
    except CallFailed as error:
        raise Invalid(error.message, hint="Give --base-url as the server's page shows it.", code="base_url") from None


async def hire_employee(settings: Settings, posting: Posting, door: Door) -> None:
    """Hire, and say what it may cost. Raises Invalid for a script that does not read and a price that nobody knows."""
    await build(posting, os.environ).close()
    profile = profile_of(posting)
    if profile.call_usd_max is None:
        raise Invalid(
            f"Nobody knows the price of {posting.model} at {posting.base_url}, so no budget can be reserved for it.",
            hint="State it with --price-in and --price-out, or add --local if it costs nothing.",
            code="price_unknown",
        )
    async with desk(settings) as opened:
        await hire(opened, posting)
    call_cost = money(profile.call_usd_max)
    text = f"Hired {posting.name} ({posting.id}). A call may cost {call_cost}. Try it: aura employees --probe"
    door.answer({"employee": posting.id, "name": posting.name, "call_usd_max": profile.call_usd_max}, text)


async def list_staff(settings: Settings, door: Door, *, probe: bool) -> None:
    """The staff and its strikes; with probe one call to each. Raises Failed when one cannot be reached."""
    async with archive(settings) as store:
        people = await rows(store, "door_people")
        strikes = await rows(store, "door_strikes")
    results = await _probe(settings, door) if probe else {}
    for person in people:
        person["probe"] = results.get(str(person["employee"]))
    lines = [
        (
            person["name"],
            str(person["employee"])[:8],
            f"{person['provider']}: {person['model']}"
            + (" (scripted: no model answers)" if person["scripted"] else ""),
            person["phase"],
            person["strikes"],
            person["probe"],
        )
        for person in people
    ]
    text = table(("name", "id", "what answers", "standing", "strikes", "probe"), lines)
    for strike in strikes:
        text += f"\n{clock(strike['at'])}  {strike['name']} {strike['kind']}: {strike['reason']}"
    failed = [name for name, result in results.items() if not result.startswith("ok")]
    data = {"employees": people, "strikes": strikes}
    if failed:
        if not door.as_json:
            door.say(text)
        door.fail(
            Failed(f"{len(failed)} of {len(results)} did not answer.", hint="The table says why.", code="probe"), data
        )
    door.answer(data, text if people else "Nobody is on the staff. `aura hire --help` shows how.")


async def _probe(settings: Settings, door: Door) -> dict[str, str]:
    """Employee -> "ok" and the time, or what is wrong; all at once, so that a slow one delays no other."""
    postings = load_all(settings.employees)
    door.note(f"calling {', '.join(posting.name for posting in postings) or 'nobody'} …")
    results = await asyncio.gather(*(_probed(posting) for posting in postings))
    return {str(posting.id): result for posting, result in zip(postings, results, strict=True)}


async def _probed(posting: Posting) -> str:
    try:
        employee = build(posting, os.environ)
        try:
            result = await employee.probe()
        finally:
            await employee.close()
    except AuraError as error:
        return visible(str(error))
    except Exception as error:
        return f"This employee cannot be asked: {type(error).__name__}."
    return f"ok, {result.latency_s:.1f} s"


def scores_text(found: Sequence[dict[str, Any]]) -> str:
    """Scores for people. "First try" counts tasks of which the employee had the first attempt; "declined" its honest "I
    cannot do this", which costs a quarter of the trust that a rejected hand-in costs."""
    lines = [
        (
            f"{row['name']}{' (scripted)' if row['scripted'] else ''}",
            row["phase"],
            row["verified"],
            row["rejected"],
            row["integrity"],
            f"{row['first_verified']}/{row['first_attempts']}",
            row["trust"],
            row["declined"],
            row["calls"],
            row["failed"] + row["cut_off"],
            row["charged_tokens"],
            money(row["charged_usd"]),
            f"{row['latency_us'] / 1_000_000:.1f} s",
        )
        for row in found
    ]
    header = (
        "employee",
        "standing",
        "verified",
        "rejected",
        "integrity",
        "first try",
        "trust",
        "declined",
        "calls",
        "failed",
        "tokens",
        "cost",
        "time",
    )
    return table(header, lines) if found else "Nobody has worked yet."
