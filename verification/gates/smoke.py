"""Gate "smoke". The project, as it will be delivered, must install and start in a new environment in a sandbox."""

import asyncio
import tomllib
from collections.abc import Iterator, Mapping

import msgspec

from domain.errors import Unavailable
from verification.execution.case_runner import CaseProblem, Project, play
from verification.execution.comparison import problem_of
from verification.execution.service_runner import service_problem
from verification.execution.service_session import READY_WAIT_S
from verification.execution.trials import Trial, run_all, trials_of
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.in_box.installer import ENVIRONMENT
from verification.packages.installed_files import otherwise
from verification.packages.installing_sandbox import INSTALL_WALL_S, InstallingSandbox, tail
from verification.packages.toolbox import tool_versions, toolbox
from verification.properties.runner import Tried, properties_of, try_all
from verification.requirements.dependencies import project_name
from verification.requirements.model import Case, Expectation, Requirement, Step
from verification.verdict.model import Finding

PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg")
_TOOLS = ("hatchling", "pip")
NOT_THE_AUTHORS = "the base's packaging, which the author did not change, does not install the judged code"
FAILED_MAX = 5  # maximum number of reported failures on the installed project


class Smoke(VerdictGate):
    """Work that does not install or start in a clean environment is not delivered.

    The gate fails only for packaging that the author or the delivery wrote. The owner of a base is responsible for the
    base's packaging. The gate has only the delivery's build tool, so it cannot try packaging that needs another tool.
    """

    name = "smoke"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        files = subject.tree if subject.packaged is None else subject.packaged
        if not any(path in files for path in PACKAGING):
            return nothing_to_do("there is no packaging file")
        try:
            tools = await asyncio.to_thread(toolbox, _TOOLS)
        except Unavailable as error:  # the verdict must say that the delivered project was not tried
            return GateReport(result="noted", text=f"not tried: {error.message}", evidence={"remedy": error.hint})
        project = Project(files, None, subject.requirement.serve, subject.project.hash_seed, subject.project.libraries)
        starts = subject.requirement.deliver
        box = InstallingSandbox(subject.sandbox, tools, kept=starts == "http")
        problem, asked = await _started(subject.requirement, project, box)
        evidence = {"asked": asked, "tools": tool_versions(_TOOLS)}
        if problem is None and (other := otherwise(subject.tree, box.installed, subject.requirement.command)):
            evidence["otherwise"] = other
            findings = await _judged_again(subject, project, box, other)
            if findings and _is_of_base(subject):
                return GateReport(
                    result="noted", text=NOT_THE_AUTHORS, evidence={**evidence, "said": findings[0].detail}
                )
            if findings:
                return verdict_on(findings, text="the installed project differs from the judged one", evidence=evidence)
        if problem is None:
            return GateReport(result="passed", text=f"installs, and {asked}", evidence=evidence)
        said = box.fault or "\n".join([problem.text, *([tail(box.last)] if box.last else [])]).strip()
        others = _other_tools(files) if box.fault else []
        if _is_of_base(subject) or others:
            text = f"not tried: the project is built with {', '.join(others)}" if others else NOT_THE_AUTHORS
            return GateReport(result="noted", text=text[:300], evidence={**evidence, "said": said})
        text = (
            f"`pip install .` fails: {said}"
            if box.fault
            else f"the installed project fails the check ({asked}): {said}"
        )
        found = Finding(kind="smoke_failed", detail=text, for_author=text)
        return verdict_on([found], text="does not install" if box.fault else "does not start", evidence=evidence)


async def _started(
    requirement: Requirement, project: Project, box: InstallingSandbox
) -> tuple[CaseProblem | None, str]:
    """Check that the installed project starts. Return the problem or None, and a description of the check."""
    if requirement.deliver == "http":
        ready = Case(steps=(), line=0)
        return await service_problem(ready, project, box, ready_s=INSTALL_WALL_S + READY_WAIT_S), "the service is ready"
    if requirement.deliver == "cli":
        case, asked = _run_case(requirement), "the command runs a visible case"
    else:
        case, asked = _imports(requirement), "its modules import"
    answer = await play(case, project, box)
    return (answer if isinstance(answer, CaseProblem) else problem_of(case, answer)), asked


async def _judged_again(subject: Subject, project: Project, box: InstallingSandbox, other: str) -> list[Finding]:
    """Run all cases and properties on the installed project, each in a new environment. Return the failures."""
    if subject.requirement.deliver == "http":  # an HTTP service starts in the project's folder
        return []
    installed = msgspec.structs.replace(project, command=None)
    trials = trials_of(subject.criteria)
    await run_all(trials, installed, box, subject.seed)
    tried = await try_all(properties_of(subject.criteria), installed, box, subject.seed)
    asked: list[Trial | Tried] = [*trials, *tried]
    failed = [(each.criterion, each.sealed, each.problem.text) for each in asked if each.problem]
    found: list[Finding] = []
    for criterion, sealed, why in failed[:FAILED_MAX]:
        text = f"after installation by pip, the project fails {criterion}: {other}"
        shown = text if sealed else f"{text}; {why}"
        found.append(
            Finding(kind="smoke_failed", criterion=criterion, detail=f"{text}; {why}"[:2000], for_author=shown[:2000])
        )
    return found


def _run_case(requirement: Requirement) -> Case:
    """Return the first visible case that runs the command, or else a case that checks that the command exists."""
    for case in _visible(requirement):
        if any(step.action == "run" for step in case.steps):
            return case
    name = (requirement.command or "").partition("=")[0].strip()
    there = Expectation(returns=f"{ENVIRONMENT}/bin/{name}")
    return Case(steps=(Step(action="call", target="shutil:which", args=(name,), expect=there),), line=0)


def _imports(requirement: Requirement) -> Case:
    """Return a case that imports all modules in visible cases and properties. It runs outside the project's folder."""
    targets = [step.target for case in _visible(requirement) for step in case.steps if ":" in step.target]
    targets += [one.call for criterion in requirement.criteria for one in criterion.properties]
    # If no module is named, the case checks only the installation.
    modules = dict.fromkeys(target.partition(":")[0] for target in targets) or {"sys": None}
    steps = [Step(action="call", target="importlib:import_module", args=(module,)) for module in modules]
    return Case(steps=tuple(steps), line=0)


def _visible(requirement: Requirement) -> Iterator[Case]:
    return (case for criterion in requirement.criteria for case in criterion.cases)


def _is_of_base(subject: Subject) -> bool:
    """Return whether the packaging comes from the base unchanged."""
    own = {path for path in PACKAGING if path in subject.tree}
    return bool(own) and not own & set(subject.changed)


def _other_tools(tree: Mapping[str, bytes]) -> list[str]:
    """Return the build tools that the packaging names but the sandbox does not have.

    It reads the packaging files and ignores the output of the build.
    """
    try:
        whole = tomllib.loads(tree.get("pyproject.toml", b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return []
    build = whole.get("build-system", {"requires": ["setuptools"]})
    wanted = build.get("requires", []) if isinstance(build, dict) else []
    named = [project_name(each) for each in wanted if isinstance(each, str)] if isinstance(wanted, list) else []
    if not any(path in tree for path in PACKAGING):
        return []
    have = tool_versions(_TOOLS)
    return [name or "?" for name in dict.fromkeys(named) if name not in have]
