"""Check of a case's output files. They are read after the sandbox has ended and compared with the worker's report.

The worker shares its process with the code under test, so the code could forge the report. A forged return value gains
nothing, because the code could simply return that value. A forged report about a file could hide a wrong file.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from verification.requirements.model import Case, Step
from verification.sandbox.base import WORK, Limits, RunResult
from verification.sandbox.copyout import REFUSED_MAX

FOLDER = f"{WORK}/case"  # working directory of the code: it is empty before the first step and gets the case's files
_PREFIX = FOLDER.removeprefix(f"{WORK}/")


def watched(step: Step) -> set[str]:
    """Return the file paths in a step's expectation."""
    expect = step.expect
    return {*expect.files_after, *expect.files_unchanged, *expect.files_absent}


def watched_at_last(case: Case) -> set[str]:
    """Return the watched paths of all steps. After the last step, the judge compares these files with the report."""
    return {path for step in case.steps for path in watched(step)}


def collected(case: Case) -> tuple[str, ...]:
    """Return the patterns of the files to copy out of the sandbox."""
    return tuple(f"{_PREFIX}/{path}" for path in sorted(watched_at_last(case)))


def with_room(case: Case, limits: Limits) -> Limits:
    """Return the limits, raised so that all watched files can be copied out."""
    paths = watched_at_last(case)
    return msgspec.structs.replace(
        limits,
        collect_files=max(limits.collect_files, len(paths)),
        collect_bytes=max(limits.collect_bytes, limits.work_bytes),
        collect_depth=max([limits.collect_depth, *(path.count("/") + 2 for path in paths)]),
    )


def untrue(case: Case, told: Mapping[str, Any], result: RunResult) -> str | None:
    """Return the first path whose real file differs from `told`, the worker's report after the last step, or None."""
    for path in sorted(watched_at_last(case)):
        if not _holds(told.get(path), result.files.get(f"{_PREFIX}/{path}"), _is_refused(path, result)):
            return path
    return None


def _is_refused(path: str, result: RunResult) -> bool:
    """Return whether an entry that could not be copied out is at this path, or could be there."""
    whole = f"{_PREFIX}/{path}"
    parts = whole.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    named = any(refusal.startswith(f"{each}: ") for refusal in result.refused for each in above)
    return named or len(result.refused) >= REFUSED_MAX


def _holds(told: Any, left: bytes | None, refused: bool) -> bool:
    if told is None:
        return left is None and not refused
    if isinstance(told, dict) and "$object" in told:  # not a plain file, or a large one
        return left is not None or refused
    return left is not None and told == _as_told(left)


def _as_told(content: bytes) -> Any:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"$bytes": base64.b64encode(content).decode()}
