"""Preparation of one commit: its trees, the libraries that its parent declares, and the files that a build creates."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import Invalid, LimitReached, NotFound, Unavailable
from verification.backtest.commits import FixCommit
from verification.backtest.trial import Excluded, Parts, Setting, parts_of
from verification.gates.base import Origin
from verification.packages.base_preparation import declared_lock, generated_files
from verification.packages.libraries import installed
from verification.requirements.base_tree import read_base
from verification.requirements.describe import describe
from verification.requirements.model import Base


@contextmanager
def exclusion() -> Iterator[None]:
    """Raise Excluded in place of each error that means: this commit cannot be judged on this machine."""
    try:
        yield
    except (Invalid, LimitReached, NotFound) as error:
        raise Excluded(
            f"the repository cannot be read or its libraries cannot be installed: {error.message}"
        ) from error
    except Unavailable as error:
        if error.code != "index_unreachable":
            raise
        raise Excluded(f"its libraries cannot be fetched: {error.message}") from error


async def prepared_parts(
    fix: FixCommit, repo: Path, setting: Setting, *, libraries: Path, builds: Path, say: Callable[[str], None]
) -> Parts:
    """Return the parts of a commit. `libraries`, `builds`: the folders with libraries and with builds of bases.

    Raises Excluded if the commit changes no code or no tests. For the other errors, see `exclusion`.
    """
    parent = read_base(Base(repo=str(repo), ref=fix.parent), repo)
    after = read_base(Base(repo=str(repo), ref=fix.id), repo)
    lock, notes = await declared_lock(parent.files, libraries, say)
    described = describe(repo, fix.parent)
    generated, more = await generated_files(
        parent.files, described, libraries=libraries, kept=builds, sandbox=setting.sandbox, say=say
    )
    return parts_of(
        parent.files,
        after.files,
        origin=Origin(files=parent.files, described=described, generated=generated),
        libraries=await installed(lock, libraries, say) if lock is not None else None,
        notes=(*notes, *more),
    )
