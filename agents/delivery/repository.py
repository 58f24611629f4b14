"""A git repository from a list of commits. The same list gives the same commit id, on any machine and at any time.

A repository is built in another folder and then renamed, so that it exists either completely or not at all. Only one
process writes a delivery at a time. This module does not use events. All functions block, so call them in a thread.
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
    """Build a repository in `folder`. Its `branch` ends with these commits and is checked out. Return the last commit's
    id in hexadecimal form.

    If the folder already contains this commit, the folder is not changed, even if a person has changed files there.
    `proof` is for a delivery on a base. Raises Conflict if the folder contains something else. Raises Invalid if git
    does not accept a path, branch, trailer or base.
    """
    from agents.delivery import git_objects, new_repository, proof_objects

    if not commits:
        raise Invalid("A repository needs at least one commit.", hint="Deliver after the first verified task.")
    ref = git_objects.branch_ref(branch)
    with git_objects.opened_base(base.repo if base else None, base.ref if base else "") as start:
        composed = git_objects.compose(commits, start)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _workshop(folder.with_name(f".{folder.name}.building")) as workshop:
            building = workshop / "repository"
            shutil.rmtree(building, ignore_errors=True)  # remains of a process that was killed
            if not _holds(folder, composed.head):
                if start is None:
                    new_repository.write(building, composed, ref)
                else:
                    beside = proof_objects.proof_objects(proof or ProofPlan(), composed.head)
                    git_objects.write(building, composed, ref, start, *beside)
                put(building, folder)
    return composed.head.decode()


def put_release_ref(folder: Path, commit: str, name: str) -> None:
    """Create refs/tags/NAME to mark a commit of the repository as released. A second call with the same commit changes
    nothing.

    Raises Conflict if the name marks another commit. Raises NotFound if the repository has no such commit.
    """
    from agents.delivery import git_objects

    control = git_objects.control_folder(folder)
    with _only_writer(folder):
        present = release_ref(folder, name)
        if present == commit:
            return
        if present is not None:
            raise Conflict(
                f"The tag {name} already marks the commit {present[:12]}.",
                hint="A release tag is never moved. Deliver a new run.",
            )
        git_objects.require_commit(folder, commit)
        # Write like git, but without git's lock file. A killed process would leave the lock file behind.
        target = control / "refs" / "tags" / git_objects.tag_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = control / "aura-release.new"
        with fresh.open("w", encoding="ascii") as file:
            file.write(f"{commit}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)


def release_ref(folder: Path, name: str) -> str | None:
    """Return the hex id of the released commit, or None if the tag does not exist."""
    from agents.delivery import git_objects

    return git_objects.read_tag(folder, name)


def base_commit(base: BaseClone) -> str:
    """Return the hex id of the commit at the base's ref. Store this id for a run, because a branch moves."""
    from agents.delivery import git_objects

    with git_objects.opened_base(base.repo, base.ref) as start:
        return start.commit_id.decode() if start else ""


def base_files(base: BaseClone) -> dict[str, bytes]:
    """Return the regular files of the base by path. Links and submodules are not included."""
    from agents.delivery import git_objects

    with git_objects.opened_base(base.repo, base.ref) as start:
        return git_objects.files_of(start) if start else {}


def _holds(folder: Path, head: bytes) -> bool:
    """Return whether the folder is a repository with this commit. Return False if the folder is empty or missing.

    Raises Conflict if the folder has other content.
    """
    from agents.delivery import git_objects

    if not folder.is_symlink() and (not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))):
        return False
    if git_objects.has_commit(folder, head):
        return True
    raise Conflict(
        f"{folder} exists, but it does not contain this delivery.",
        hint="Move the folder, or deliver to another one: a delivery never overwrites files.",
    )


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """Yield a folder to build in, for one writer at a time. The folder is removed at the end if there was no error."""
    with ExitStack() as held:
        while True:
            folder.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # the previous writer has removed the folder
                descriptor = held.enter_context(_only_writer(folder))
                if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                    break
            held.close()
        yield folder
        folder.rmdir()


@contextmanager
def _only_writer(folder: Path) -> Iterator[int]:
    """Hold the folder's advisory lock. The operating system releases it when the process ends."""
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
                        f"Another delivery has been writing in {folder} for {LOCK_WAIT_S:.0f} s.",
                        hint="Wait until it ends, and try again.",
                    ) from error
                time.sleep(LOCK_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)
