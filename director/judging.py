"""Behind `aura judge`: a folder as a tree, the verdict on it, and how it is shown."""

import os
import secrets
import stat
from pathlib import Path
from typing import Any

import msgspec

from agents.delivery.packaging import delivery_files
from director.door import Door
from director.show import table
from domain.errors import Failed, Invalid, LimitReached, NotFound
from verification.basetree import read_base
from verification.judge import judge
from verification.reading import read_requirement
from verification.requirement import Requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.scope import in_scope
from verification.verdict import Verdict

TREE_FILES_MAX = 10_000
TREE_BYTES_MAX = 64 * 1024**2
SEED_MAX = 2**31
_SKIPPED = frozenset({".git", "__pycache__", ".pytest_cache", ".venv"})


async def judge_folder(file: Path, folder: Path, door: Door, *, seed: int | None, allow_degraded: bool) -> None:
    """Judge a folder. Raises Failed (exit 1) when it is rejected."""
    requirement = read_requirement(file)
    tree = own_files(requirement, read_tree(folder))
    base = base_files(requirement, file)
    box = Bubblewrap()
    try:
        verdict = await judge(
            requirement,
            tree,
            sandbox=box,
            seed=secrets.randbelow(SEED_MAX) if seed is None else seed,
            base=base,
            allow_degraded=allow_degraded,
        )
    finally:
        await box.close()
    data: dict[str, Any] = msgspec.to_builtins(verdict)
    if verdict.not_held:
        door.note(f"Degraded: this machine's sandbox does not hold {', '.join(verdict.not_held)}.")
    if verdict.verified:
        door.answer(data, verdict_text(verdict))
        return
    if not door.as_json:
        door.say(verdict_text(verdict))
    kinds = ", ".join(dict.fromkeys(finding.kind for finding in verdict.findings))
    door.fail(Failed(f"Rejected: {kinds}.", hint="The findings say where.", code="rejected"), data)


def base_files(requirement: Requirement, file: Path) -> dict[str, bytes] | None:
    """The files that the requirement builds on, if any. Raises NotFound or Invalid for a base that cannot be read."""
    if requirement.base is None:
        return None
    return dict(read_base(requirement.base, file.absolute().parent).files)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Path -> content of a folder. Links and specials are refused; caches and .git are left out."""
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", hint="Name the folder that holds the code.")
    files: dict[str, bytes] = {}
    total = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names) + [name for name in folders if (Path(place) / name).is_symlink()]:
            path = Path(place) / name
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode):
                raise Invalid(f"{path} is not a regular file.", hint="Remove links and special files from the tree.")
            content = path.read_bytes()
            total += len(content)
            if len(files) >= TREE_FILES_MAX or total > TREE_BYTES_MAX:
                raise LimitReached(
                    f"{folder} holds more than {TREE_FILES_MAX} files or {TREE_BYTES_MAX} bytes.",
                    hint="Judge the project alone, without its environment and data.",
                )
            files[path.relative_to(folder).as_posix()] = content
    return files


def own_files(requirement: Requirement, tree: dict[str, bytes]) -> dict[str, bytes]:
    """The tree without what a delivery adds to it (packaging, README, acceptance cases, verdict): it is not judged."""
    written = {path: content for path, content in tree.items() if in_scope(path, requirement.scope)}
    added = delivery_files(requirement, written, b"{}", "").keys()
    return {path: content for path, content in tree.items() if path in written or path not in added}


def verdict_text(verdict: Verdict) -> str:
    """A verdict for people."""
    lines = [
        table(
            ("criterion", "verdict", "visible", "sealed"),
            [
                (
                    part.id,
                    "passed" if part.passed else "failed",
                    f"{part.visible_passed}/{part.visible_total}",
                    f"{part.sealed_passed}/{part.sealed_total}",
                )
                for part in verdict.criteria
            ],
        )
    ]
    for finding in verdict.findings:
        place = finding.path or finding.criterion or ""
        lines.append(f"{finding.kind}{' (integrity)' if finding.integrity else ''} {place}: {finding.detail}")
    lines.append(
        f"{'Verified' if verdict.verified else 'Rejected'}: tree {verdict.tree[:16]}, grade {verdict.grade}, "
        f"{verdict.sandbox}, seed {verdict.seed}, {verdict.wall_s:.1f} s"
    )
    return "\n".join(lines)
