"""The diagnosis of this machine: every part that an organisation needs, each with a remedy.

The diagnosis changes nothing, starts only short sandbox runs, and needs no running server.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from agents.employees.providers.llama_cpp_server import MODEL_NAME, model_available
from director.doctor import host_checks
from director.doctor.check import Part
from director.doctor.server_checks import servers
from director.doctor.sign_in_checks import sign_in
from director.doctor.staff_checks import staff
from director.settings import Settings
from domain.errors import AuraError, Unavailable
from verification.sandbox.base import Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.choice import Boxes
from verification.sandbox.docker import Docker

HIRE = "Hire an employee with a model of your own: `aura hire --help` explains how."


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Every part that an organisation needs, and whether one of them is degraded."""

    parts: tuple[Part, ...]
    degraded: bool


async def diagnose(settings: Settings, environment: Mapping[str, str]) -> Diagnosis:
    """Check every part."""
    parts = await examine(settings, environment)
    return Diagnosis(parts=tuple(parts), degraded=any(part.state == "degraded" for part in parts))


def missing_parts(diagnosis: Diagnosis) -> Unavailable | None:
    """Return the error that names the needed parts that are missing; None if no needed part is missing."""
    missing = [part for part in diagnosis.parts if part.needed and part.state == "missing"]
    if not missing:
        return None
    return Unavailable(
        f"Missing: {', '.join(part.name for part in missing)}.",
        hint=missing[0].remedy if len(missing) == 1 else "The remedy of each part is shown below its line.",
        code="parts_missing",
    )


async def examine(settings: Settings, environment: Mapping[str, str]) -> list[Part]:
    """Check all parts at the same time."""
    boxes, groups, running, hired, signing = await asyncio.gather(
        sandboxes(settings.boxes()),
        asyncio.to_thread(host_checks.groups),
        servers(settings),
        staff(settings, environment),
        sign_in(settings, environment),
    )
    ground = [
        host_checks.python(),
        host_checks.loop(settings.loop),
        host_checks.home(settings.root),
        host_checks.scratch(),
    ]
    return [*ground, groups, *boxes, *running, model(), *hired, *signing]


async def sandboxes(boxes: Boxes) -> list[Part]:
    """Check each sandbox with canary runs. The chosen one is needed. Without a choice, one of them is enough."""
    parts = await asyncio.gather(
        _proven("bubblewrap", lambda: Bubblewrap(store=boxes.store)),
        _proven("docker", lambda: Docker(boxes.docker_host, image=boxes.image)),
    )
    none = all(part.state == "missing" for part in parts)
    return [
        msgspec.structs.replace(
            part, needed=part.name == boxes.choice or (boxes.choice == "auto" and (none or part.state != "missing"))
        )
        for part in parts
    ]


async def _proven(name: str, made: Callable[[], Sandbox]) -> Part:
    try:
        sandbox = made()
    except AuraError as error:  # the address of the Docker engine is not valid
        return Part(name=name, state="missing", says=error.message, remedy=error.hint)
    try:
        return await host_checks.sandbox(name, sandbox)
    finally:
        await sandbox.close()


def model() -> Part:
    """Check the embedded model, which is optional."""
    why_not = model_available()
    if why_not is None:
        return Part(name="model", says=f"{MODEL_NAME} is installed", needed=False)
    return Part(name="model", state="degraded", says=f"No embedded model: {why_not}.", remedy=HIRE, needed=False)
