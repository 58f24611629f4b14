"""The options of `aura hire`, and the posting that is made from them."""

import re
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agents.employees.posting import Posting
from agents.employees.pricing import Rates, provider_of
from agents.employees.providers.table import PROVIDERS, Provider, provider_named
from domain.employee import SessionTerms
from domain.errors import Invalid, NotFound
from domain.model_account import checked_accounts_of

DEFAULT_PROVIDER = "openai"
SLOTS_MAX = 64
"""The most calls of one employee at the same time."""
SESSION_OUTPUT_TOKENS_MAX = 4096
"""Default limit of an answer in a session, because an answer may contain a whole file."""
_RATE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


class Hiring(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command. None means not given: a hire then uses the default, and an update keeps the value.

    Prices are in USD per million tokens, as text. `local`: True for a price of 0, False for that of
    the price table. `accounts`: names with commas between, in order; an empty text for none.
    """

    name: str
    provider: str | None = None
    base_url: str | None = None
    model: str | None = None
    style: str | None = None
    api: str | None = None
    key_env: str | None = None
    local: bool | None = None
    price_in: str | None = None
    price_out: str | None = None
    slots: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None
    wall_s: float | None = None
    script: str | None = None
    session: bool | None = None
    session_calls: int | None = None
    session_minutes: float | None = None
    session_usd: str | None = None
    session_tokens: int | None = None
    cli: str | None = None
    cli_flags: str | None = None
    accounts: str | None = None


def posting_of(wanted: Hiring, present: Posting | None = None) -> Posting:
    """Return the posting that the options describe. Options that are not given keep the value of `present`.

    `hire_agent.posting_of_hire` calls it, also for coding agents. Raises Invalid if an option is missing or not valid,
    and NotFound for a script that does not exist.
    """
    if wanted.script:
        return _scripted(wanted, present)
    provider_named(wanted.provider or DEFAULT_PROVIDER)
    becomes_model = present is not None and present.kind == "scripted" and bool(wanted.base_url or wanted.provider)
    if present is not None and not PROVIDERS[present.kind].remote and not becomes_model:
        return _limited(wanted, _only_limits(wanted, present))
    return _limited(wanted, _priced(wanted, _of_server(wanted, present), present))


def _of_kind(kind: str, wanted: Hiring, present: Posting | None) -> Posting:
    """Return a new posting of this kind, with the address and the variable of the key that its provider has.

    The limits of an employee that had another kind stay.
    """
    provider = provider_named(kind)
    posting = Posting(
        name=wanted.name, kind=kind, base_url=provider.address, api_key_env=provider.key_env, price=provider.price
    )
    if present is None:
        return posting
    return replace(
        posting,
        slots=present.slots,
        output_tokens_max=present.output_tokens_max,
        prompt_tokens_max=present.prompt_tokens_max,
        wall_s=present.wall_s,
    )


def _scripted(wanted: Hiring, present: Posting | None) -> Posting:
    assert wanted.script
    if not Path(wanted.script).is_file():
        raise NotFound(
            f"There is no script {wanted.script}.", hint='Write it as JSON, for example {"T1": [{"slug.py": "…"}]}'
        )
    before = present if present is not None and present.kind == "scripted" else None
    posting = before or _of_kind("scripted", wanted, present)
    return _limited(wanted, replace(posting, script=str(Path(wanted.script).absolute())))


def _only_limits(wanted: Hiring, before: Posting) -> Posting:
    """Return `before`. Raises Invalid for an option about a server: a script and the embedded model have no server."""
    stated = {"--base-url": wanted.base_url, "--model": wanted.model, "--key-env": wanted.key_env}
    stated |= {
        "--provider": wanted.provider,
        "--api": wanted.api,
        "--local": None if wanted.local is None else "stated",
        "--style": wanted.style,
        "--accounts": wanted.accounts,
        "--price-in": wanted.price_in,
        "--price-out": wanted.price_out,
    }
    for option, value in stated.items():
        if value:
            raise Invalid(
                f"{before.name} is {before.kind}: {option} does not apply.",
                hint=f"Hire a model under another name, or dismiss {before.name} first.",
            )
    return before


def _of_server(wanted: Hiring, before: Posting | None) -> Posting:
    """Return the posting with its server, model and style, and the environment variable of its key.

    Another provider has another address and another key, so the present ones do not stay.
    """
    served = before is not None and PROVIDERS[before.kind].remote
    kind = wanted.provider or (before.kind if before is not None and served else DEFAULT_PROVIDER)
    provider = provider_named(kind)
    if not provider.remote:
        raise Invalid(f"{kind} is not on a server.", hint="Use --script for a script, or name another provider.")
    posting = before if before is not None and before.kind == kind else _of_kind(kind, wanted, before)
    base_url = address_of_server(wanted.base_url) if wanted.base_url else posting.base_url
    model = wanted.model.strip() if wanted.model else posting.model
    if not base_url or not model:
        raise Invalid(
            "An employee needs a server and a model: --base-url or --model is missing.",
            hint="Example: aura hire coder --base-url http://127.0.0.1:11434/v1 --model qwen2.5-coder:7b --local",
        )
    posting = _formed(wanted, posting, provider)
    if wanted.key_env is not None:
        posting = replace(posting, api_key_env=wanted.key_env)
    if wanted.accounts is not None:
        posting = replace(posting, accounts=account_names(wanted.accounts))
    posting = replace(posting, base_url=base_url)
    if model == posting.model:
        return posting
    return replace(posting, model=model, model_digest=None, tools=True, small=False)


def _formed(wanted: Hiring, posting: Posting, provider: Provider) -> Posting:
    """Return the posting with its style and its API. Raises Invalid if the provider does not have them."""
    if wanted.style is not None:
        if wanted.style not in provider.styles:
            raise Invalid(
                f"There is no style {wanted.style} for {posting.kind}.",
                hint="Write chat, or grammar for a llama.cpp server.",
            )
        posting = replace(posting, style="grammar" if wanted.style == "grammar" else "chat")
    if wanted.api is not None:
        if wanted.api not in provider.apis:
            raise Invalid(
                f"There is no API {wanted.api} for {posting.kind}.", hint=f"Write {' or '.join(provider.apis)}."
            )
        posting = replace(posting, api="responses" if wanted.api == "responses" else "chat")
    if posting.api == "responses" and posting.style == "grammar":
        raise Invalid("The responses API has no grammar.", hint="Write --style chat, or --api chat.")
    return posting


def _priced(wanted: Hiring, posting: Posting, before: Posting | None) -> Posting:
    """Return the posting with the given price, or with the price that it has.

    A price of 0 does not stay if the server becomes one of a known vendor, because calls there cost money.
    """
    rates = _rates(wanted)
    if rates is not None:
        return replace(posting, price="genai-prices", price_in=rates.input_usd, price_out=rates.output_usd)
    if wanted.local:
        return replace(posting, price="zero", price_in=None, price_out=None)
    vendor = provider_of(posting.base_url)
    moved = before is not None and vendor is not None and vendor != provider_of(before.base_url)
    if wanted.local is False or (posting.price_source == "zero" and moved):
        return replace(posting, price="genai-prices", price_in=None, price_out=None)
    return posting


def _limited(wanted: Hiring, posting: Posting) -> Posting:
    if wanted.slots is not None and not 1 <= wanted.slots <= SLOTS_MAX:
        raise Invalid(
            f"--slots {wanted.slots} is not a number from 1 to {SLOTS_MAX}.",
            hint=f"Give --slots from 1 to {SLOTS_MAX}.",
        )
    stated = {
        "slots": wanted.slots,
        "output_tokens_max": wanted.output_tokens,
        "prompt_tokens_max": wanted.prompt_tokens,
        "wall_s": wanted.wall_s,
    }
    session = _session(wanted, posting.session)
    of_server = PROVIDERS[posting.kind].context_tokens is None
    if session is not None and posting.session is None and wanted.output_tokens is None and of_server:
        stated["output_tokens_max"] = max(posting.output_tokens_max, SESSION_OUTPUT_TOKENS_MAX)
    return replace(posting, session=session, **{name: value for name, value in stated.items() if value is not None})


def _session(wanted: Hiring, present: SessionTerms | None) -> SessionTerms | None:
    """Return the limits of the employee's sessions; None if it answers with one call.

    Raises Invalid for a limit without `--session`, and for an amount that is not valid.
    """
    stated = {
        "calls_max": wanted.session_calls,
        "minutes": wanted.session_minutes,
        "usd_max": None if wanted.session_usd is None else _usd("--session-usd", wanted.session_usd),
        "tokens_max": wanted.session_tokens,
    }
    limits = {name: value for name, value in stated.items() if value is not None}
    if wanted.session is False or (wanted.session is None and present is None):
        if limits:
            raise Invalid(
                "A limit of sessions was given, but this employee does not work in sessions.",
                hint="Add --session, or leave out --session-calls, --session-minutes, --session-usd and "
                "--session-tokens.",
            )
        return None
    return replace(present or SessionTerms(), **limits)


def _usd(option: str, text: str) -> Decimal:
    if not _RATE.fullmatch(text):
        raise Invalid(f"{option} {text} is not an amount from 0 to 999999.", hint=f"Write for example {option} 0.50")
    return Decimal(text)


def _rates(wanted: Hiring) -> Rates | None:
    """Return the given prices; None if there are none. Raises Invalid if only one is given, or if one is not valid."""
    if not wanted.price_in and not wanted.price_out:
        return None
    example = "Write both, in USD per million tokens: --price-in 2.50 --price-out 10"
    if not wanted.price_in or not wanted.price_out:
        raise Invalid("A price has two parts: one for prompts and one for answers.", hint=example)
    if wanted.local:
        raise Invalid(
            "--local and --price-in contradict each other: with --local a call costs nothing.", hint="Leave one out."
        )
    parts = []
    for option, text in (("--price-in", wanted.price_in), ("--price-out", wanted.price_out)):
        if not _RATE.fullmatch(text):
            raise Invalid(f"{option} {text} is not a price from 0 to 999999.", hint=example)
        parts.append(Decimal(text))
    return Rates(*parts)


def account_names(text: str) -> tuple[str, ...]:
    """Return the names of accounts in the text of `--accounts`. Raises Invalid."""
    return checked_accounts_of(tuple(name.strip() for name in text.split(",") if name.strip()))


def address_of_server(base_url: str) -> str:
    """Return the base URL without spaces around it. Raises Invalid if it is not an address of a web server."""
    from agents.employees.call_errors import CallFailed
    from agents.employees.providers.http_client import address_of

    try:
        return address_of(base_url)
    except CallFailed as error:
        raise Invalid(
            error.message, hint="Give --base-url as the server's documentation shows it.", code="base_url"
        ) from None
