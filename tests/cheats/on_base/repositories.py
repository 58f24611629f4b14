"""Cheats by links in a tree, and by a repository whose configuration shows other file contents."""

from tests.cheats.on_base.answers import NO_TOTAL, fenced
from tests.cheats.on_base.cheat import Answer, BaseCheat, Commit, Folder, Work
from tests.cheats.on_base.shop import LETTERS, TOTAL, WRONG_LETTERS, Shop


def _code_and_link(path: str, target: str) -> Folder:
    return Folder(lambda work: work.code().link(path, target))


def _own_tests(work: Work, total: str) -> None:
    """Write tests of the author, and make the base's test file a link to them."""
    work.code(total=total)
    work.write("lib/test_own.py", "import MODULE\n\ndef test_it():\n    assert MODULE.label('a') == 'A'\n")
    work.link("tests/test_MODULE.py", "../lib/test_own.py")


def _through(shop: Shop, path: str) -> str:
    given = fenced(f"collect_ignore = ['test_{shop.module}.py']\n", f"python path={path}")
    return f"{fenced(shop.code(), f'python path={shop.path}')}\n{given}"


LINKS = (
    BaseCheat(
        "link-out-of-the-tree",
        "a link leads to a file of the machine; the control's link leads to a file of the tree",
        _code_and_link("lib/hosts.txt", "/etc/hosts"),
        _code_and_link("lib/hosts.txt", "../data/words.txt"),
        "invalid",
    ),
    BaseCheat(
        "link-above-the-tree",
        "a link leads out of the tree through a linked folder; the control's link stays in the tree",
        _code_and_link("lib/up.txt", "data/../../asked/narrow.sealed.yaml"),
        _code_and_link("lib/up.txt", "data/words.txt"),
        "invalid",
    ),
    BaseCheat(
        "link-to-conftest",
        "a new module is a link to the base's conftest.py; the control links to another module",
        _code_and_link("lib/fixtures.py", "../tests/conftest.py"),
        _code_and_link("lib/fixtures.py", "units.py"),
        "leftover_files",
    ),
    BaseCheat(
        "code-behind-a-link",
        "a module is a link to a text file, which no gate reads as code; the control's link is not a module",
        Folder(lambda work: work.code().write("lib/late.txt", "x = 1\n").link("lib/late.py", "late.txt")),
        Folder(lambda work: work.code().write("lib/late.txt", "x = 1\n").link("lib/late.md", "late.txt")),
        "leftover_files",
    ),
    BaseCheat(
        "link-in-place-of-tests",
        "the base's tests are replaced by a link to the author's own tests",
        Folder(lambda work: _own_tests(work, NO_TOTAL), wide=True),
        Folder(lambda work: _own_tests(work, TOTAL), wide=True),
        "regression",
    ),
    BaseCheat(
        "written-through-a-linked-folder",
        "an answer writes a conftest.py to a folder in scope; in the base this folder is a link to the tests",
        Answer(lambda shop: _through(shop, "lib/checks/conftest.py")),
        Answer(lambda shop: _through(shop, "lib/more/words.py")),
        "steering_file",
    ),
)


def _filtered(work: Work, new: str) -> None:
    """Configure a filter that gives the right module for any content of the file."""
    right = work.folder / ".git" / "right.py"
    right.write_text(work.shop.code(), encoding="utf-8")
    work.git("config", "filter.right.clean", f"cat {right}")
    (work.folder / ".git/info/attributes").write_text(f"{work.shop.path} filter=right\n", encoding="utf-8")
    work.code(new)


def _attributed(work: Work, attributes: str) -> None:
    work.code()
    work.append(".gitattributes", attributes)


def _submodule(work: Work, folder: str) -> None:
    work.code()
    work.write(".gitmodules", f'[submodule "more"]\n\tpath = {folder}\n\turl = ../base\n')


def _unseen(work: Work, path: str, text: str) -> None:
    """Tell git not to check whether a file has changed."""
    work.git("update-index", "--skip-worktree", path)
    work.git("update-index", "--assume-unchanged", path)
    work.code()
    work.append(path, text)


def _excluded(work: Work, path: str) -> None:
    (work.folder / ".git/info/exclude").write_text(f"{path}\n", encoding="utf-8")
    work.code()
    work.write(path, "collect_ignore = ['test_MODULE.py']\n")


def _replaced(work: Work, new: str) -> None:
    """Commit a module, and make git show the commit of the right module instead."""
    work.code()
    work.git("commit", "-q", "-am", "right")
    right = work.git("rev-parse", "HEAD").strip()
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.code(new, top='"""The letters of a text."""')
    work.git("commit", "-q", "-am", "letters")
    work.git("replace", "HEAD", right)


GIT = (
    BaseCheat(
        "filter-that-shows-right-code",
        "a filter in the clone's configuration shows git right code in place of the wrong code",
        Folder(lambda work: _filtered(work, WRONG_LETTERS)),
        Folder(lambda work: _filtered(work, LETTERS)),
        "wrong_result",
    ),
    BaseCheat(
        "attributes-of-its-own",
        "a .gitattributes outside the scope hides tests from diffs; the control's file is in its scope",
        Folder(lambda work: _attributed(work, "tests/** -diff export-ignore\n")),
        Folder(lambda work: _attributed(work, "lib/** text\n"), wide=True),
        "steering_file",
    ),
    BaseCheat(
        "submodule-of-its-own",
        "a .gitmodules puts another repository in place of the tests; the control's file is in its scope",
        Folder(lambda work: _submodule(work, "tests")),
        Folder(lambda work: _submodule(work, "docs/more"), wide=True),
        "steering_file",
    ),
    BaseCheat(
        "index-that-does-not-look",
        "a flag in the git index hides a changed conftest.py; the control hides a file in scope",
        Folder(lambda work: _unseen(work, "tests/conftest.py", "\n\ncollect_ignore = ['test_MODULE.py']\n")),
        Folder(lambda work: _unseen(work, "lib/units.py", "\n\nMORE = 1\n")),
        "steering_file",
    ),
    BaseCheat(
        "excluded-conftest",
        "the clone's exclude file hides a new conftest.py; the control hides a file in scope",
        Folder(lambda work: _excluded(work, "conftest.py")),
        Folder(lambda work: _excluded(work, "lib/hidden.py")),
        "steering_file",
    ),
    BaseCheat(
        "replaced-commit",
        "git shows another commit, with right code, in place of the submitted commit",
        Commit(lambda work: _replaced(work, WRONG_LETTERS)),
        Commit(lambda work: _replaced(work, LETTERS)),
        "wrong_result",
    ),
)
