"""Smoke: the project as it will be delivered is installed into a fresh environment in a box, and starts there."""

import asyncio
import re
from collections.abc import Iterator

from domain.errors import Unavailable
from verification.casebox import Problem, Project, play
from verification.comparison import problem_of
from verification.gates.base import Gate, Report, Subject, nothing_to_do, verdict_on
from verification.installation import INSTALL_WALL_S, InstallingSandbox, tail
from verification.installer import ENVIRONMENT
from verification.requirement import Case, Expectation, Requirement, Step
from verification.servicebox import service_problem
from verification.toolbox import tool_versions, toolbox
from verification.verdict import Finding
from verification.visit import READY_WAIT_S

PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg")
_TOOLS = ("hatchling", "pip")
_NO_BACKEND = re.compile(r"BackendUnavailable|Cannot import '|No module named '|invalid command 'bdist_wheel'")


class Smoke(Gate):
    """What does not install or start from a clean environment is not delivered.

    The packaging is judged only where the author or the delivery wrote it: that of a base is its owner's, and one that
    needs another build tool than the delivery's own cannot be tried here.
    """

    name = "smoke"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> Report:
        files = subject.tree if subject.packaged is None else subject.packaged
        if not any(path in files for path in PACKAGING):
            return nothing_to_do("there is nothing that says how to install it")
        try:
            tools = await asyncio.to_thread(toolbox, _TOOLS)
        except Unavailable as error:
            return nothing_to_do(error.message)
        project = Project(files, None, subject.requirement.serve, subject.project.hash_seed, subject.project.libraries)
        starts = subject.requirement.deliver
        box = InstallingSandbox(subject.sandbox, tools, kept=starts == "http")
        problem, asked = await _started(subject.requirement, project, box)
        evidence = {"asked": asked, "tools": tool_versions(_TOOLS)}
        if problem is None:
            return Report(result="passed", text=f"installs, and {asked}", evidence=evidence)
        said = box.fault or "\n".join([problem.text, *([tail(box.last)] if box.last else [])]).strip()
        if _excused(subject, box.fault or ""):
            text = "the project's own packaging, which is not the author's, does not install it"
            return Report(result="noted", text=text, evidence={**evidence, "said": said})
        text = f"`pip install .` fails: {said}" if box.fault else f"installed, it does not pass ({asked}): {said}"
        found = Finding(kind="smoke_failed", detail=text, for_author=text)
        return verdict_on([found], text="does not install" if box.fault else "does not start", evidence=evidence)


async def _started(requirement: Requirement, project: Project, box: InstallingSandbox) -> tuple[Problem | None, str]:
    """The problem, if there is one, and what was asked of the installed project."""
    if requirement.deliver == "http":
        ready = Case(steps=(), line=0)
        return await service_problem(ready, project, box, ready_s=INSTALL_WALL_S + READY_WAIT_S), "the service is ready"
    if requirement.deliver == "cli":
        case, asked = _run_case(requirement), "the command runs a visible case"
    else:
        case, asked = _imports(requirement), "its modules import"
    answer = await play(case, project, box)
    return (answer if isinstance(answer, Problem) else problem_of(case, answer)), asked


def _run_case(requirement: Requirement) -> Case:
    """The first visible case that runs the command; without one, the command must be there."""
    for case in _visible(requirement):
        if any(step.action == "run" for step in case.steps):
            return case
    name = (requirement.command or "").partition("=")[0].strip()
    there = Expectation(returns=f"{ENVIRONMENT}/bin/{name}")
    return Case(steps=(Step(action="call", target="shutil:which", args=(name,), expect=there),), line=0)


def _imports(requirement: Requirement) -> Case:
    """Every module that visible cases name, imported from outside the project's folder."""
    targets = [step.target for case in _visible(requirement) for step in case.steps if ":" in step.target]
    modules = dict.fromkeys(target.partition(":")[0] for target in targets) or {"sys": None}  # the install alone
    steps = [Step(action="call", target="importlib:import_module", args=(module,)) for module in modules]
    return Case(steps=tuple(steps), line=0)


def _visible(requirement: Requirement) -> Iterator[Case]:
    return (case for criterion in requirement.criteria for case in criterion.cases)


def _excused(subject: Subject, fault: str) -> bool:
    """Whether it fails for a packaging of the base that its author left alone, or for a build tool that is not here."""
    own = [path for path in PACKAGING if path in subject.tree]
    return bool(own) and (not set(own) & set(subject.changed) or bool(_NO_BACKEND.search(fault)))
