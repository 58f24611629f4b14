"""The box of a session, with the libraries and tools of its project."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agents.cli_agents.agent_run import agent_files, agent_folders
from agents.cli_agents.command_line import AgentJob
from agents.employees.contract import Order, SessionOrder
from agents.permits import SIGN_TIMES, SignTimes
from agents.sessions.given_tests import TESTS, given_tests
from agents.working_copies.working_copy import WorkingCopies, WorkingCopy
from bus.object_bucket import ObjectBucket
from domain.errors import AuraError
from domain.tree import Tree
from verification.execution.case_runner import LIBRARIES, METADATA, Project
from verification.gates.base import Origin
from verification.judge import project_of
from verification.packages.libraries import libraries_of
from verification.packages.toolbox import TOOLS, toolbox
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.base import PROGRAMS, PYTHON, WORK, Sandbox
from verification.sandbox.session_box import SessionBox
from verification.sandbox.session_limits import SESSION_LIMITS, agent_limits
from verification.suites.pytest_runner import PYTEST


class NotPrepared(Exception):
    """A session cannot begin. `outcome`: of the attempt."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message


@contextmanager
def preparing(outcome: str) -> Iterator[None]:
    """Turn an error of the project into NotPrepared with this outcome."""
    try:
        yield
    except AuraError as error:
        raise NotPrepared(outcome, str(error)) from error


@dataclass(frozen=True)
class SessionPlace:
    """The parts that all sessions of one process share. `credential`: the name of this process's upload bucket.

    `libraries`, `outcomes`: folders for installed dependencies, and for the results of a base's own tests.
    """

    open_sandbox: Callable[[], Sandbox]
    copies: WorkingCopies
    uploads: ObjectBucket
    credential: str
    libraries: Path
    outcomes: Path
    machine: str
    allow_degraded: bool = False
    sign_times: SignTimes = SIGN_TIMES
    say: Callable[[str], None] = lambda _: None


class PreparedSession(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one session without its box. `base`: the tree of the base commit alone; None without a base.

    `requirement` has no sealed part. `own_files`: patterns of files that the program of a coding agent writes by
    itself.
    """

    requirement: Requirement
    copy: WorkingCopy
    base: Tree | None
    libraries: Path | None
    sandbox: Sandbox
    accepted: tuple[str, ...]
    allow_degraded: bool
    own_files: tuple[str, ...] = ()
    tests: Mapping[str, bytes] = {}


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session with its open box."""

    prepared: PreparedSession
    box: SessionBox


@asynccontextmanager
async def open_session(
    place: SessionPlace, order: Order, needs: SessionOrder, job: AgentJob | None = None
) -> AsyncIterator[OpenSession]:
    """Open the working copy and the box of a session. `job`: of a coding agent. Raises NotPrepared."""
    with preparing("working_copy"):
        copy = await place.copies.open(needs.packs)
        base = None
        if needs.has_base:
            base = copy.initial if len(needs.packs) == 1 else await place.copies.base(needs.packs[0])
        requirement = parse_requirement(
            needs.requirement, None, name=needs.title, folder=None, fixtures=dict(needs.fixtures)
        )
    with preparing("libraries"):
        libraries = await libraries_of(requirement, place.libraries, place.say)
    prepared = PreparedSession(
        requirement=requirement,
        copy=copy,
        base=base,
        libraries=libraries,
        sandbox=place.open_sandbox(),
        accepted=needs.accepted.get(place.machine, ()),
        allow_degraded=place.allow_degraded or needs.allow_degraded,
        own_files=job.template.own_files if job is not None else (),
        tests=given_tests(requirement, needs.criteria, order.brief.suites),
    )
    with preparing("no_box"):
        box = await session_box(order, prepared, job)
        await box.__aenter__()
    try:
        yield OpenSession(prepared=prepared, box=box)
    finally:
        await box.close()


async def session_box(order: Order, prepared: PreparedSession, job: AgentJob | None = None) -> SessionBox:
    """Return the box of a session, which is not started yet. Raises Unavailable without a folder for the tools."""
    project = _project(prepared)
    tools = await asyncio.to_thread(toolbox, PYTEST)
    limits = SESSION_LIMITS["new" if prepared.base is None else "base"]
    limits = limits if job is None else agent_limits(limits)
    return SessionBox(
        prepared.sandbox,
        prepared.copy.whole().with_tree(Tree.of(project.files)),  # with the files that a build of the base makes
        limits=replace(limits, minutes=min(limits.minutes, order.lease_s / 60)),
        folders={TOOLS: tools, **project.folders, **(agent_folders(job) if job is not None else {})},
        env=_environment(project),
        read_only={
            **project.read_only,
            **_programs(),
            **_below(TESTS, prepared.tests),
            **(agent_files(job) if job is not None else {}),
        },
        allow_degraded=prepared.allow_degraded,
        accepted=prepared.accepted,
    )


def _project(prepared: PreparedSession) -> Project:
    """Return the project as a verdict would install it."""
    requirement = prepared.requirement
    origin = Origin(files=prepared.base or Tree({}), described=requirement.described, generated=requirement.generated)
    return project_of(requirement, prepared.copy.initial, origin, prepared.libraries, ())


def _environment(project: Project) -> dict[str, str]:
    """Return the variables of each command: the project's folders are on Python's path, before libraries and tools."""
    places = [f"{WORK}/{folder}".rstrip("/") for folder in project.environment.paths]
    places += [LIBRARIES] if project.libraries else []
    places += [METADATA] if project.environment.metadata else []
    return {"PYTHONPATH": ":".join([*places, TOOLS]), "PYTHONDONTWRITEBYTECODE": "1"}


def _programs() -> Mapping[str, bytes]:
    """Return programs that people expect on PATH."""
    return {f"{PROGRAMS}/pytest": f'#!/bin/sh\nexec {PROGRAMS}/{PYTHON} -m pytest "$@"\n'.encode()}


def _below(folder: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {f"{folder}/{path}": content for path, content in files.items()}
