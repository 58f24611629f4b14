"""Parser of requirement files. It makes one `Requirement` from NAME.md and NAME.sealed.yaml, or raises all problems."""

import os
import shlex
from collections.abc import Mapping as Map
from pathlib import Path

from domain.errors import Invalid, NotFound
from domain.judgement import REVIEW
from verification.requirements.base_keys import check_replacements
from verification.requirements.case_parser import CaseReader
from verification.requirements.criteria import Read, read_criteria, read_sealed
from verification.requirements.dependencies import LOCK_NAME
from verification.requirements.document import Document, YamlPart, split
from verification.requirements.fixtures import Fixtures, read_plain
from verification.requirements.frontmatter import FrontMatter, command_name, read_front_matter
from verification.requirements.hints import check_notes
from verification.requirements.model import Criterion, Requirement, RequirementTask
from verification.requirements.prepared import generated_in, version_in
from verification.requirements.problems import Problem, ProblemList, RequirementInvalid, Spot
from verification.requirements.task_plan import default_tasks, read_tasks
from verification.requirements.template import acceptance_block, front_matter, scaffold, title_of
from verification.requirements.yaml_tree import Mapping, Node, kind, read_yaml

__all__ = ["Problem", "RequirementInvalid", "check_notes", "parse_requirement", "read_requirement"]

SOURCE_BYTES_MAX = 512 << 10  # of one file: NAME.md or NAME.sealed.yaml
_TOP = Spot(1, 1)


def read_requirement(path: Path) -> Requirement:
    """Return the requirement of NAME.md, with the sealed cases of NAME.sealed.yaml in the same folder.

    Raises NotFound if NAME.md does not exist, and RequirementInvalid with all problems that one pass can find.
    """
    if not path.name:
        raise Invalid(f"{path} is a folder", hint="Name a Markdown file.", code="not_a_requirement")
    if path.name.endswith((".sealed.yaml", ".sealed.yml")):
        raise Invalid(
            f"{path} contains sealed cases", hint="Name the .md file in the same folder.", code="not_a_requirement"
        )
    sealed = path.with_name(f"{path.stem}.sealed.yaml")
    source = _read_file(path)
    if source is None:
        raise NotFound(f"there is no requirement file {path}", hint=f"Create it from a template: `aura init {path}`.")
    misnamed = path.with_name(f"{path.stem}.sealed.yml")
    if os.path.lexists(misnamed):
        message = "the name of a file with sealed cases must end in .sealed.yaml"
        raise RequirementInvalid([Problem(str(misnamed), 1, 1, message, f"the name {sealed.name} for this file")])
    files = (str(path), str(sealed))
    return _parse(source, _read_file(sealed), files, path.stem, Fixtures(path.parent, {}), Fixtures(path.parent, {}))


def read_prose(path: Path) -> str | None:
    """Return the text of a file that is only prose; None if the file already contains parts of a requirement.

    Raises RequirementInvalid if the file is not text, or if a code fence is not closed. Such a fence would hide the
    parts that `aura init` adds below it.
    """
    report = ProblemList(str(path))
    text = _decode(_read_file(path) or b"", report)
    document = split(text, report) if text is not None else None
    if document is not None and not document.is_prose:
        return None
    if report.problems:
        raise RequirementInvalid(report.in_order())
    return text


def parse_requirement(
    source: bytes,
    sealed: bytes | None,
    *,
    name: str,
    folder: Path | None,
    fixtures: Map[str, bytes] | None = None,
) -> Requirement:
    """Parse a requirement from bytes. `fixtures`: files that `$file` may name, by path; other files come from `folder`.

    To parse a stored requirement again, pass `folder=None`. Then `fixtures` must contain its fixtures, its sealed
    fixtures, its lock under LOCK_NAME, and the prepared files of its base (prepared.py).
    """
    given = fixtures or {}
    files = (f"{name}.md", f"{name}.sealed.yaml")
    return _parse(source, sealed, files, name, Fixtures(folder, given), Fixtures(folder, given))


def _read_file(path: Path) -> bytes | None:
    """Return the content of a plain file, or its first SOURCE_BYTES_MAX + 1 bytes; None if there is no file."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", hint="Name a readable Markdown file.") from error
    content = read_plain(held, SOURCE_BYTES_MAX + 1)
    if content is None:
        raise Invalid(f"{path} is not a plain file", hint="Name a Markdown file.", code="not_a_requirement")
    return content


def _parse(
    source: bytes, sealed: bytes | None, files: tuple[str, str], name: str, visible: Fixtures, hidden: Fixtures
) -> Requirement:
    report, sealed_report = ProblemList(files[0]), ProblemList(files[1])
    text = _decode(source, report)
    if text is not None and not text.strip():
        report.add(_TOP, "the file is empty", f"\n{scaffold(name)}")
    document = split(text, report) if text is not None and text.strip() else None
    front: FrontMatter | None = None
    criteria: list[Read] = []
    if document is not None and _has_parts(document, name, report):
        front = _front(document, name, report)
        reader = CaseReader(report, visible, _command(front, report), served=_served(front, report))
        criteria = _criteria(document, reader, name, report)
    ids = [read.id for read in criteria]
    hidden_ones: dict[str, Read] = {}
    if sealed is not None and document is not None:
        reader = CaseReader(sealed_report, hidden, _command(front, report), served=_served(front, report))
        hidden_ones = _sealed(sealed, ids, reader)
        _apart(hidden_ones, visible, sealed_report)
    if front is not None and not report.problems and not sealed_report.problems:
        check_replacements(front.may_change, [read.change for read in (*criteria, *hidden_ones.values())], report)
    tasks = _tasks(front, ids, report)
    if problems := [*report.in_order(), *sealed_report.in_order()]:
        raise RequirementInvalid(problems)
    assert document is not None
    assert front is not None
    assert front.title is not None
    assert front.deliver is not None
    assert front.budget is not None
    return Requirement(
        title=front.title,
        deliver=front.deliver,
        language=front.language,
        scope=front.scope,
        budget=front.budget,
        criteria=tuple(_criterion(each, hidden_ones.get(each.id)) for each in criteria),
        tasks=tasks,
        prose=document.prose,
        source=source,
        sealed_source=sealed,
        command=front.command,
        serve=front.serve,
        base=front.base,
        base_suite=front.base_suite,
        suite_limits=front.suite_limits,
        skill=front.skill,
        value_usd=front.value_usd,
        may_change=tuple(each.change for each in front.may_change),
        refactor=front.refactor,
        proof=front.proof,
        review=front.review,
        fixtures=visible.used,
        sealed_fixtures=hidden.used,
        dependencies=front.dependencies,
        from_base=front.from_base,
        described=version_in(visible.given),
        generated=generated_in(visible.given),
        lock=visible.given.get(LOCK_NAME),
    )


def _criterion(read: Read, sealed: Read | None) -> Criterion:
    return Criterion(
        id=read.id,
        says=read.says,
        cases=read.cases,
        sealed=sealed.cases if sealed else (),
        properties=read.properties,
        sealed_properties=sealed.properties if sealed else (),
        suite=read.suite,
        sealed_suite=sealed.suite if sealed else None,
        over_base=read.change,
        sealed_over_base=sealed.change if sealed else None,
        holds_already=read.holds_already,
    )


def _apart(sealed: Map[str, Read], visible: Fixtures, report: ProblemList) -> None:
    """Report each sealed test file that the visible requirement also names, because employees can see it."""
    for read in sealed.values():
        names = set(read.suite.files) if read.suite is not None else set[str]()
        names |= {f"{read.change.folder}/{name}" for name in read.change.files} if read.change is not None else set()
        if seen := sorted(names & set(visible.used)):
            message = f"{seen[0]} is also named by the requirement, so every employee sees it"
            report.add(read.node, message, "pytest: another file or folder, for the sealed tests only")


def _decode(source: bytes, report: ProblemList) -> str | None:
    """Return the text of UTF-8 bytes, with or without a byte order mark. Report other bytes, and return None."""
    if len(source) > SOURCE_BYTES_MAX:
        message = f"the file is larger than {SOURCE_BYTES_MAX} bytes"
        report.add(_TOP, message, "a shorter file, with long values in fixtures/ that `$file` names")
        return None
    try:
        text = source.decode("utf-8-sig")
        wrong = text.find("\0")
        before = text[:wrong] if wrong >= 0 else None
    except UnicodeDecodeError as error:
        text, before = "", source[: error.start].decode("utf-8", "replace")
    if before is None:
        return text
    spot = Spot(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    report.add(spot, "this is not a text file", "Markdown in UTF-8")
    return None


def _has_parts(document: Document, name: str, report: ProblemList) -> bool:
    """Return whether front matter and acceptance blocks exist. Report missing parts with a template to fill in."""
    if document.is_prose:
        message = "this file is only prose: it does not say what to deliver or how to judge it"
        command = shlex.join(["aura", "init", report.file])
        report.add(_TOP, message, f"the missing parts with the command `{command}`, which keeps the prose")
        return False
    if document.front is None:
        ready = front_matter(name, title_of(document.prose) or name)
        report.add(_TOP, "the front matter is missing", f"at the top of the file\n{ready}")
    if not document.acceptance and not any("fence" in problem.message for problem in report.problems):
        report.add(_TOP, "there is no acceptance block, so nothing can be judged", f"\n{acceptance_block(name)}")
    return True


def _front(document: Document, name: str, report: ProblemList) -> FrontMatter | None:
    if document.front is None:
        return None
    root = _yaml(document.front, report, f"\n{front_matter(name, title_of(document.prose) or name)}")
    if isinstance(root, Mapping):
        return read_front_matter(root, report)
    if root is not None:
        report.add(
            root,
            f"the front matter must be a mapping of keys, not {kind(root)}",
            "title: Slug maker, one key on each line",
        )
    return None


def _command(front: FrontMatter | None, report: ProblemList) -> str | None:
    """Return the name of the command in `run` cases; None without a command, empty if it could not be read."""
    unread = front is None or any("`command`" in problem.message for problem in report.problems)
    return "" if unread or front is None else command_name(front.command)


def _served(front: FrontMatter | None, report: ProblemList) -> bool:
    """Return whether the requirement defines a service. Return True also if the front matter could not be read."""
    return front is None or front.serve is not None or any("`serve`" in problem.message for problem in report.problems)


def _yaml(block: YamlPart, report: ProblemList, remedy: str = "the keys and values of this block") -> Node | None:
    """Return the YAML tree of a block. Report an empty block."""
    before = len(report.problems)
    root = read_yaml(block.text, block.line, report)
    if root is None and len(report.problems) == before:
        report.add(Spot(max(block.line - 1, 1), 1), "this block is empty", remedy)
    return root


def _criteria(document: Document, reader: CaseReader, name: str, report: ProblemList) -> list[Read]:
    roots = [_yaml(block, report) for block in document.acceptance]
    read = read_criteria([root for root in roots if root is not None], reader, report)
    if not read and document.fence is not None and not report.problems:
        report.add(document.fence, "the acceptance block contains no criterion", f"\n{acceptance_block(name)}")
    return read


def _sealed(source: bytes, ids: list[str], reader: CaseReader) -> dict[str, Read]:
    text = _decode(source, reader.report)
    root = _yaml(YamlPart(text, 1), reader.report) if text is not None else None
    return read_sealed(root, ids, reader, reader.report) if root is not None else {}


def _tasks(front: FrontMatter | None, criteria: list[str], report: ProblemList) -> tuple[RequirementTask, ...]:
    if front is None or not criteria:
        return ()
    if front.tasks is None:
        return default_tasks(criteria, front.scope)
    tasks = read_tasks(front.tasks, criteria, front.scope, report)
    if front.review and any(task.id == REVIEW for task in tasks):
        report.add(front.tasks, f"the id `{REVIEW}` is reserved for the review itself", "another id, or `review: none`")
    return tasks
