"""Starts the organisation: servers, processes, embedded model, keys, the founding, and the first employees."""

import sys
from collections.abc import Callable
from decimal import Decimal

from agents.cli_agents.library import templates
from agents.employees.account_files import load_accounts
from agents.employees.posting import EMBEDDED_OUTPUT_TOKENS_MAX, Posting
from agents.employees.providers import llama_cpp_server
from bus.clock import now
from bus.disk_room import GIB
from bus.embedded import stack
from bus.embedded.home import Home
from director.deployment import processes
from director.notify.receivers import read_receivers
from director.services.employees_file import EmployeesFile, read_employees_file
from director.services.hiring import ensure
from director.services.session import DirectorSession, desk
from director.services.staff_changes import Wanted, changes_in_words
from director.services.staff_file import apply_file
from director.settings import Settings
from domain.errors import Conflict, Invalid
from domain.message import NAMESPACE, derive
from domain.money import Amount
from domain.organisation import Found
from domain.routing.terms import FOUNDED_WITH, RoutingSetting
from domain.wording import counted
from governance import hr_rules, keys
from governance.authority import ROLES, WORKER_RIGHTS
from observability import prometheus_targets
from verification.sandbox.choice import open_sandbox

Say = Callable[[str], None]
CAP = Amount(Decimal(1000), 1_000_000_000)
"""The organisation's budget at its founding; `aura budget` changes it."""


async def bring_up(
    settings: Settings, say: Say, *, model: bool = True, apart: bool = False, managers: int = 1
) -> list[Posting]:
    """Start the stack if it does not run, found the organisation once, and hire the employees of the settings.

    Return the postings of these employees. If the home has a file employees.toml, it is read before anything starts,
    and applied in the end.

    `apart`: start one process for each role, and `managers` managers. A running stack is not changed.
    Raises Unavailable if a server or process does not start, and Invalid for a file that is not valid.
    """
    if managers > 1 and not apart:
        raise Invalid("Several managers need several processes.", hint="Write: aura up --processes --managers 2")
    declared = (
        await read_employees_file(
            settings.employees_file, templates(settings.employees), load_accounts(settings.employees)
        )
        if settings.employees_file.exists()
        else None
    )
    hr_rules.in_force(settings.root)  # a file that is not valid is reported before anything starts
    for role in ROLES:
        keys.create(settings.keys, role)
    beside = _beside(settings, apart=apart)  # settings that are not valid are reported before anything starts
    with_model = model and settings.openai_base_url is None and llama_cpp_server.model_available() is None
    running = stack.status(settings.root)
    if running.running:
        names = [child.name for child in running.children]
        with_model = processes.MODEL_CHILD in names
        beside = [child for child in beside if child.name in names]
        if apart and not processes.are_apart(names):
            say("everything runs as one process. For one process per role: `aura down`, then `aura up --processes`")
        apart = processes.are_apart(names)
        if apart and managers > processes.managers_of(names):
            present = counted(processes.managers_of(names), "manager")
            say(f"the organisation runs with {present}. To add one: `aura serve manager`")
        managers = processes.managers_of(names)
    else:
        prometheus_targets.clear(settings.root)  # remove the entries of processes that ended in a crash of the machine
    await stack.up(
        settings.root,
        extra=[*_children(with_model, settings, apart=apart, managers=managers), *beside],
        nats_url=settings.nats_url,
        worker_nats_url=settings.worker_nats_url,
        rights=WORKER_RIGHTS,
        postgres_dsn=settings.postgres_dsn,
        restart_longest_s=settings.restart_wait_max_s,
        log_limits=settings.log_limits(),
        on_progress=say,
    )
    postings = _first_employees(settings, with_model)
    async with desk(settings) as opened:
        await _grow(opened, settings.stream_gib, say)
        await found(opened)
        hired = [posting for posting in postings if await ensure(opened, posting, say) is not None]
        if declared is not None:
            await _apply(opened, declared, say)
    return hired


async def _apply(opened: DirectorSession, declared: EmployeesFile, say: Say) -> None:
    """Make the staff as the home's employees.toml says. Dismissed employees stay dismissed."""
    result = await apply_file(opened, declared, Wanted(bring_back=False), on_progress=say)
    say(f"employees.toml: {changes_in_words(result)}")


async def _grow(opened: DirectorSession, gib: int | None, say: Say) -> None:
    """Raise the stream's limit to AURA_STREAM_GIB. The limit is never lowered."""
    if gib is not None and await opened.office.stream.grow(gib * GIB):
        say(f"nats: the stream may now grow to {gib} GiB")


def _children(with_model: bool, settings: Settings, *, apart: bool, managers: int) -> list[stack.ChildSpec]:
    organisation = processes.apart(settings, managers) if apart else processes.together(settings)
    server = stack.ChildSpec(
        name=processes.MODEL_CHILD,
        argv=(sys.executable, "-m", "agents.employees.providers.llama_cpp_server", "--port", "{port}"),
        probe="http:http://127.0.0.1:{port}/health",
    )
    return [server, *organisation] if with_model else organisation


def _beside(settings: Settings, *, apart: bool) -> list[stack.ChildSpec]:
    """Return the processes of the HTTP API, and of notifications if there are receivers. Raises Invalid."""
    notifies = bool(read_receivers(settings.root))
    notifying = [processes.notifying(settings, apart=apart)] if notifies else []
    return [*processes.http(settings, apart=apart), *notifying]


def _first_employees(settings: Settings, with_model: bool) -> list[Posting]:
    """Return the employees that the settings name: an OpenAI-compatible model, or the embedded model in two styles."""
    if settings.openai_base_url is not None or settings.openai_model is not None:
        return [openai_posting(settings)]
    if not with_model:
        return []
    url = f"http://127.0.0.1:{Home(settings.root).layout().ports[processes.MODEL_CHILD]}/v1"
    common = {"kind": "embedded", "model": llama_cpp_server.MODEL_NAME, "base_url": url}
    limits = {"output_tokens_max": EMBEDDED_OUTPUT_TOKENS_MAX, "wall_s": 60.0}
    digest = llama_cpp_server.model_digest()
    return [
        Posting(name=f"smol-{style}", style=style, model_digest=digest, **common, **limits)  # type: ignore[arg-type]
        for style in ("chat", "grammar")
    ]


def openai_posting(settings: Settings, name: str = "openai") -> Posting:
    """Return the posting for AURA_OPENAI_BASE_URL and AURA_OPENAI_MODEL. Raises Invalid if no model is named."""
    if not settings.openai_model:
        raise Invalid(
            "AURA_OPENAI_BASE_URL names a server, but AURA_OPENAI_MODEL is not set.",
            hint="Set AURA_OPENAI_MODEL to the model's name, for example qwen2.5-coder:7b for an Ollama server.",
        )
    price = settings.openai_price
    if price not in ("zero", "genai-prices"):
        raise Invalid(
            f"AURA_OPENAI_PRICE is {price}, which is not a known value.",
            hint="Write `zero` for a local model, or `genai-prices` for the prices in the table of that name.",
        )
    return Posting(
        name=name,
        kind="openai",
        model=settings.openai_model,
        base_url=settings.openai_base_url or "https://api.openai.com/v1",
        api_key_env="OPENAI_API_KEY",
        price="zero" if price == "zero" else "genai-prices",
    )


async def found(opened: DirectorSession) -> None:
    """Found the organisation, once per log. An organisation that exists keeps its routing."""
    routing = RoutingSetting(strategy=FOUNDED_WITH)
    try:
        await opened.done(Found(id=derive(NAMESPACE, "founding"), at=now(), name="Aura", cap=CAP, routing=routing))
    except Conflict:
        return  # an earlier command has founded it


async def box_faults(settings: Settings, allow_degraded: bool) -> tuple[str, ...]:
    """Return the limits that this machine's sandbox cannot hold.

    Raises Unavailable without a sandbox, and Refused if a missing limit is not accepted.
    """
    from director.services.degraded import require_limits

    box = open_sandbox(settings.boxes())
    try:
        held = await box.probe()
    finally:
        await box.close()
    await require_limits(settings, held.not_held, allow_degraded=allow_degraded)
    return held.not_held
