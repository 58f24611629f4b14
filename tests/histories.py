"""Small repositories with a history of fixes, for backtests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo

AUTHOR = b"A. Person <person@example.org>"


def history(folder: Path, versions: Sequence[tuple[str, Mapping[str, str | None]]]) -> list[str]:
    """Make a repository with one commit for each (message, changes), oldest first. Return their hex ids.

    No file is deleted.
    """
    folder.mkdir()
    repo = Repo.init(str(folder), default_branch=b"main")
    files: dict[str, bytes] = {}
    ids: list[bytes] = []
    for number, (message, changes) in enumerate(versions):
        files |= {path: text.encode() for path, text in changes.items() if text is not None}
        files = {path: content for path, content in files.items() if changes.get(path, "") is not None}
        commit = Commit()
        commit.tree = _tree(repo, files)
        commit.parents = ids[-1:]  # type: ignore[assignment]  # its stubs ask for a type of their own
        commit.author = commit.committer = AUTHOR
        commit.author_time = commit.commit_time = 1_700_000_000 + number
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = message.encode()
        repo.object_store.add_object(commit)
        ids.append(commit.id)
    repo.refs[b"refs/heads/main"] = ids[-1]  # type: ignore[index,assignment]  # its stubs ask for a type of their own
    repo.close()
    return [commit_id.decode() for commit_id in ids]


def _tree(repo: Repo, files: Mapping[str, bytes]) -> bytes:
    below: dict[str, dict[str, bytes]] = {}
    tree = Tree()
    for path, content in files.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = content
            continue
        blob = Blob.from_string(content)
        repo.object_store.add_object(blob)
        tree.add(head.encode(), 0o100644, blob.id)
    for name, inside in below.items():
        tree.add(name.encode(), 0o040000, _tree(repo, inside))  # type: ignore[arg-type]  # as above
    repo.object_store.add_object(tree)
    return tree.id


SHAPES = """def area(width, height):
    return width + height


def edge(width, height):
    return 2 * (width + height)
"""
RIGHT = SHAPES.replace("return width + height\n", "return width * height\n", 1)
TEST_EDGE = "from shapes import edge\n\n\ndef test_edge():\n    assert edge(2, 3) == 10\n"
TEST_AREA = "from shapes import area\n\n\ndef test_area():\n    assert area(2, 3) == 6\n    assert area(1, 1) == 1\n"
VERSIONS = (
    ("Shapes", {"shapes.py": SHAPES, "tests/test_edge.py": TEST_EDGE, "README.md": "Shapes.\n"}),
    ("Say more in the README", {"README.md": "Shapes and their edges.\n"}),
    ("Multiply for the area\n\nIt was a sum.", {"shapes.py": RIGHT, "tests/test_area.py": TEST_AREA}),
    (
        "Name a test otherwise",
        {
            "shapes.py": RIGHT + "\nSIDES = 4\n",
            "tests/test_edge.py": TEST_EDGE.replace("test_edge():", "test_edges():"),
        },
    ),
)
