"""The files that a case names, as they are once the box is dead: what the worker says of them is held against that.

The worker shares its process with the code under test, which could make it say anything. Of values that is no gain, for
the code might as well have returned them; of files it would be one.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from verification.requirements.model import Case, Step
from verification.sandbox.base import WORK, Limits, RunResult
from verification.sandbox.copyout import REFUSED_MAX

FOLDER = f"{WORK}/case"  # empty at first: where the case's files are and its code runs
_PREFIX = FOLDER.removeprefix(f"{WORK}/")


def watched(step: Step) -> set[str]:
    """The paths whose content a step's expectation looks at."""
    expect = step.expect
    return {*expect.files_after, *expect.files_unchanged, *expect.files_absent}


def watched_at_last(case: Case) -> set[str]:
    """Those of all steps: after the last one they are told once more, and that can be held against what is left."""
    return {path for step in case.steps for path in watched(step)}


def collected(case: Case) -> tuple[str, ...]:
    """The globs that bring them out."""
    return tuple(f"{_PREFIX}/{path}" for path in sorted(watched_at_last(case)))


def with_room(case: Case, limits: Limits) -> Limits:
    """The limits with room for all of them."""
    paths = watched_at_last(case)
    return msgspec.structs.replace(
        limits,
        collect_files=max(limits.collect_files, len(paths)),
        collect_bytes=max(limits.collect_bytes, limits.work_bytes),
        collect_depth=max([limits.collect_depth, *(path.count("/") + 2 for path in paths)]),
    )


def untrue(case: Case, told: Mapping[str, Any], result: RunResult) -> str | None:
    """The first path of which the worker's last word `told` is not what is left, or None."""
    for path in sorted(watched_at_last(case)):
        if not _holds(told.get(path), result.files.get(f"{_PREFIX}/{path}"), _is_refused(path, result)):
            return path
    return None


def _is_refused(path: str, result: RunResult) -> bool:
    """Whether something that could not be brought out is there, or could be."""
    whole = f"{_PREFIX}/{path}"
    parts = whole.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    named = any(refusal.startswith(f"{each}: ") for refusal in result.refused for each in above)
    return named or len(result.refused) >= REFUSED_MAX


def _holds(told: Any, left: bytes | None, refused: bool) -> bool:
    if told is None:
        return left is None and not refused
    if isinstance(told, dict) and "$object" in told:  # no plain file, or a large one
        return left is not None or refused
    return left is not None and told == _as_told(left)


def _as_told(content: bytes) -> Any:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"$bytes": base64.b64encode(content).decode()}
