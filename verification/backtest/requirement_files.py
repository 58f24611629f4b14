"""Conversion of a backtest's commit to a requirement, and to requirement files for `aura submit` and `aura judge`."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec

from verification.backtest.commits import FixCommit
from verification.requirements.model import (
    BaseTestChange,
    Budget,
    Criterion,
    MayChange,
    Requirement,
    RequirementTask,
)

TESTS = "tests"
"""Folder, next to the requirement file, with the files that replace or extend the base's own tests."""
TRIAL_BUDGET = Budget(usd=Decimal("1.00"), tokens=1_000_000, minutes=60)
"""The budget in a written requirement file. A person may change it before a submission."""
_TITLE_CHARS_MAX = 120


def requirement_of(
    fix: FixCommit, scope: tuple[str, ...], change: BaseTestChange, may_change: tuple[MayChange, ...]
) -> Requirement:
    """Return a requirement with the commit's message and tests. Its scope is the commit's changed code files."""
    title = fix.subject or fix.id[:12]
    return Requirement(
        title=title,
        deliver="library",
        language="python",
        scope=scope,
        budget=Budget(usd=Decimal(0), tokens=0, minutes=0),
        criteria=(Criterion(id="A1", says=title, cases=(), over_base=change),),
        tasks=(RequirementTask(id="T1", criteria=("A1",), scope=scope),),
        prose=fix.message,
        source=fix.message.encode(),
        may_change=may_change,
    )


def write_requirement(
    folder: Path, requirement: Requirement, fix: FixCommit, repo: Path, budget: Budget = TRIAL_BUDGET
) -> Path:
    """Write a requirement file and its folder of tests into a new folder in `folder`. Return the file's path.

    Both are named after the commit's id, so a second call replaces the files. Raises OSError.
    """
    place = folder / fix.id[:12]
    for path, content in _laid(requirement).items():
        file = place / TESTS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{place.name}.md"
    target.write_text(_text(requirement, fix, repo, budget), encoding="utf-8")
    return target


def _laid(requirement: Requirement) -> dict[str, bytes]:
    changes = [change for criterion in requirement.criteria for _, change in criterion.changes]
    return {path: content for change in changes for path, content in change.files.items()}


def _text(requirement: Requirement, fix: FixCommit, repo: Path, budget: Budget) -> str:
    """Return the requirement file's text. It writes names and ids as JSON, because JSON is valid YAML."""
    title = " ".join(requirement.title.split())[:_TITLE_CHARS_MAX]
    front = {
        "title": title if title.isprintable() else fix.id[:12],
        "deliver": requirement.deliver,
        "base": {"repo": str(repo), "ref": fix.parent},
        "dependencies": "from-base",
        "scope": list(requirement.scope),
        "budget": {"usd": str(budget.usd), "tokens": budget.tokens, "minutes": budget.minutes},
    }
    if requirement.may_change:
        front["may_change"] = msgspec.to_builtins(requirement.may_change)
    lines = ["---", "aura: 1", *(f"{key}: {_json(value)}" for key, value in front.items()), "---"]
    lines += [f"# {title}", "", *_prose(requirement.prose), "", "## Acceptance", "", "```yaml acceptance"]
    for criterion in requirement.criteria:
        for _, change in criterion.changes:
            pytest = {"over_base": TESTS, "must_pass": list(change.must_pass)}
            lines += [f"- id: {criterion.id}", f"  says: {_json(' '.join(criterion.says.split()))}"]
            lines.append(f"  pytest: {_json(pytest)}")
    return "\n".join([*lines, "```", ""])


def _prose(text: str) -> list[str]:
    """Return the commit's message as a Markdown quotation, so that it cannot begin an acceptance block."""
    return [f"> {line}" if line else ">" for line in text.strip().splitlines()]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)
