"""Links of a tree, and a repository whose configuration says that something else stands in its files."""

from tests.cheats.on_base.answers import NO_TOTAL, fenced
from tests.cheats.on_base.cheat import Answer, BaseCheat, Commit, Folder, Work
from tests.cheats.on_base.shop import LETTERS, TOTAL, WRONG_LETTERS, Shop


def _code_and_link(path: str, target: str) -> Folder:
    return Folder(lambda work: work.code().link(path, target))


def _own_tests(work: Work, total: str) -> None:
    """Tests of the author's own, to which the base's file becomes a link."""
    work.code(total=total)
    work.write("lib/test_own.py", "import MODULE\n\ndef test_it():\n    assert MODULE.label('a') == 'A'\n")
    work.link("tests/test_MODULE.py", "../lib/test_own.py")


def _through(shop: Shop, path: str) -> str:
    given = fenced(f"collect_ignore = ['test_{shop.module}.py']\n", f"python path={path}")
    return f"{fenced(shop.code(), f'python path={shop.path}')}\n{given}"


LINKS = (
    BaseCheat(
        "link-out-of-the-tree",
        "a link to a file of the machine; the control's leads to a file of the tree",
        _code_and_link("lib/hosts.txt", "/etc/hosts"),
        _code_and_link("lib/hosts.txt", "../data/words.txt"),
        "invalid",
    ),
    BaseCheat(
        "link-above-the-tree",
        "a link that climbs out of the tree through a linked folder; the control's stays in it",
        _code_and_link("lib/up.txt", "data/../../asked/narrow.sealed.yaml"),
        _code_and_link("lib/up.txt", "data/words.txt"),
        "invalid",
    ),
    BaseCheat(
        "link-to-conftest",
        "a module of the author's that is the base's conftest.py; the control's is another module",
        _code_and_link("lib/fixtures.py", "../tests/conftest.py"),
        _code_and_link("lib/fixtures.py", "units.py"),
        "leftover_files",
    ),
    BaseCheat(
        "code-behind-a-link",
        "a module that is a link to text, which no gate reads as code; the control links text to text",
        Folder(lambda work: work.code().write("lib/late.txt", "x = 1\n").link("lib/late.py", "late.txt")),
        Folder(lambda work: work.code().write("lib/late.txt", "x = 1\n").link("lib/late.md", "late.txt")),
        "leftover_files",
    ),
    BaseCheat(
        "link-in-place-of-tests",
        "the base's tests become a link to tests of the author's own",
        Folder(lambda work: _own_tests(work, NO_TOTAL), wide=True),
        Folder(lambda work: _own_tests(work, TOTAL), wide=True),
        "regression",
    ),
    BaseCheat(
        "written-through-a-linked-folder",
        "an answer writes a conftest.py into a folder in scope that is a link of the base to its tests",
        Answer(lambda shop: _through(shop, "lib/checks/conftest.py")),
        Answer(lambda shop: _through(shop, "lib/more/words.py")),
        "steering_file",
    ),
)


def _filtered(work: Work, new: str) -> None:
    """Configure a filter that gives the right module, whatever stands in the file."""
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
    """Tell git not to look whether a file has changed."""
    work.git("update-index", "--skip-worktree", path)
    work.git("update-index", "--assume-unchanged", path)
    work.code()
    work.append(path, text)


def _excluded(work: Work, path: str) -> None:
    (work.folder / ".git/info/exclude").write_text(f"{path}\n", encoding="utf-8")
    work.code()
    work.write(path, "collect_ignore = ['test_MODULE.py']\n")


def _replaced(work: Work, new: str) -> None:
    """Commit a module, and have git show the commit of the right one in its place."""
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
        "a filter of the clone's configuration makes right code of wrong code whenever git looks",
        Folder(lambda work: _filtered(work, WRONG_LETTERS)),
        Folder(lambda work: _filtered(work, LETTERS)),
        "wrong_result",
    ),
    BaseCheat(
        "attributes-of-its-own",
        "a .gitattributes that keeps tests out of diffs, outside the scope; the control's scope reaches it",
        Folder(lambda work: _attributed(work, "tests/** -diff export-ignore\n")),
        Folder(lambda work: _attributed(work, "lib/** text\n"), wide=True),
        "steering_file",
    ),
    BaseCheat(
        "submodule-of-its-own",
        "a .gitmodules that puts another repository in the tests' place; the control's scope reaches it",
        Folder(lambda work: _submodule(work, "tests")),
        Folder(lambda work: _submodule(work, "docs/more"), wide=True),
        "steering_file",
    ),
    BaseCheat(
        "index-that-does-not-look",
        "the index is told not to look at a changed conftest.py; the control does so with a file in scope",
        Folder(lambda work: _unseen(work, "tests/conftest.py", "\n\ncollect_ignore = ['test_MODULE.py']\n")),
        Folder(lambda work: _unseen(work, "lib/units.py", "\n\nMORE = 1\n")),
        "steering_file",
    ),
    BaseCheat(
        "excluded-conftest",
        "a new conftest.py that the clone's exclude file hides; the control hides a file in scope",
        Folder(lambda work: _excluded(work, "conftest.py")),
        Folder(lambda work: _excluded(work, "lib/hidden.py")),
        "steering_file",
    ),
    BaseCheat(
        "replaced-commit",
        "git shows another commit, with right code, in place of the one that is handed in",
        Commit(lambda work: _replaced(work, WRONG_LETTERS)),
        Commit(lambda work: _replaced(work, LETTERS)),
        "wrong_result",
    ),
)
