"""A git repository from a list of commits. The same list gives the same commit id, on any machine, however often.

A repository is built beside its folder and renamed into place, so that it is there as a whole or not at all. One writer
at a time works at a delivery. Nothing here knows of events; all functions block, call them in a thread.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from agents.delivery.atomic_rename import put
from agents.delivery.commit_plan import BaseClone, CommitPlan, ProofPlan
from domain.errors import Conflict, Invalid, Unavailable

LOCK_WAIT_S = 60.0
LOCK_POLL_S = 0.005


def build_repository(
    folder: Path,
    commits: Sequence[CommitPlan],
    *,
    branch: str = "main",
    base: BaseClone | None = None,
    proof: ProofPlan | None = None,
) -> str:
    """Make `folder` a repository whose `branch` ends with these commits, checked out; its last commit's hex id.

    If it already holds that commit, nothing is touched, whatever a person has done there since. Conflict: it holds
    something else. Invalid: a path, branch, trailer or base that git cannot take. `proof` is for a delivery on a base.
    """
    from agents.delivery import git_objects, new_repository, proof_objects

    if not commits:
        raise Invalid("a repository needs at least one commit", hint="Deliver after the first verified task.")
    ref = git_objects.branch_ref(branch)
    with git_objects.opened_base(base.repo if base else None, base.ref if base else "") as start:
        composed = git_objects.compose(commits, start)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _workshop(folder.with_name(f".{folder.name}.building")) as workshop:
            building = workshop / "repository"
            shutil.rmtree(building, ignore_errors=True)  # left by a builder that was killed
            if not _holds(folder, composed.head):
                if start is None:
                    new_repository.write(building, composed, ref)
                else:
                    beside = proof_objects.proof_objects(proof or ProofPlan(), composed.head)
                    git_objects.write(building, composed, ref, start, *beside)
                put(building, folder)
    return composed.head.decode()


def put_release_ref(folder: Path, commit: str, name: str) -> None:
    """Mark a commit of the repository as released: refs/tags/NAME. Again with the same commit changes nothing.

    Conflict: the name marks another commit. NotFound: the repository has no such commit.
    """
    from agents.delivery import git_objects

    control = git_objects.control_folder(folder)
    with _only_writer(folder):
        present = release_ref(folder, name)
        if present == commit:
            return
        if present is not None:
            raise Conflict(f"{name} already marks {present[:12]}", hint="A release is never moved: deliver a new run.")
        git_objects.require_commit(folder, commit)
        # Written as git does, but for the lock file that a kill would leave behind.
        target = control / "refs" / "tags" / git_objects.tag_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = control / "aura-release.new"
        with fresh.open("w", encoding="ascii") as file:
            file.write(f"{commit}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)


def release_ref(folder: Path, name: str) -> str | None:
    """The hex id of the released commit, or None."""
    from agents.delivery import git_objects

    return git_objects.read_tag(folder, name)


def base_commit(base: BaseClone) -> str:
    """The hex commit id that the base's ref names now. Pin it when a run is admitted: a branch moves."""
    from agents.delivery import git_objects

    with git_objects.opened_base(base.repo, base.ref) as start:
        return start.commit_id.decode() if start else ""


def base_files(base: BaseClone) -> dict[str, bytes]:
    """The regular files of the base by path. Links and submodules stay in the repository but are not handed out."""
    from agents.delivery import git_objects

    with git_objects.opened_base(base.repo, base.ref) as start:
        return git_objects.files_of(start) if start else {}


def _holds(folder: Path, head: bytes) -> bool:
    """Whether the folder is a repository with that commit; False if it is free. Conflict: it is something else."""
    from agents.delivery import git_objects

    if not folder.is_symlink() and (not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))):
        return False
    if git_objects.has_commit(folder, head):
        return True
    raise Conflict(
        f"{folder} exists and does not hold this delivery",
        hint="Move it away, or deliver to another folder: a delivery never overwrites.",
    )


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder to build in, for one writer at a time. It is gone at the end, when all went well."""
    with ExitStack() as held:
        while True:
            folder.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # the one before us has finished and removed it
                descriptor = held.enter_context(_only_writer(folder))
                if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                    break
            held.close()
        yield folder
        folder.rmdir()


@contextmanager
def _only_writer(folder: Path) -> Iterator[int]:
    """Hold the folder's advisory lock; the system lets go of it when the process dies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"another delivery has been writing in {folder} for {LOCK_WAIT_S:.0f} s",
                        hint="Wait for it to end and try again.",
                    ) from error
                time.sleep(LOCK_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)
