"""Files that a delivery adds: its tests pass on right code only, it installs, and it shows no sealed data."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agents.delivery.commit_plan import CommitPlan
from agents.delivery.packaging import delivery_files, distribution_name
from agents.delivery.repository import build_repository
from tests.tiers import CI
from verification.requirements.model import Budget, Case, Criterion, Deliverable, Expectation, Requirement, Step

RUN_WALL_S = 100
SECRET = "sealed-input-7f3a"

SLUGIFY = b"""
import sys
from decimal import Decimal

CALLS = []

def slugify(text, *, sep="-"):
    CALLS.append(text)
    if not text:
        raise UnicodeError("empty text")
    return sep.join(text.lower().split())

def calls():
    return len(CALLS)

def price(text):
    return {"net": Decimal(text), "parts": (1, 2.0), "tags": {"a"}, "raw": b"\\x00", "note": "ok then"}

class History:
    def __init__(self):
        self.items = []
    def add(self, text):
        self.items.append(slugify(text))
    def all(self):
        return self.items

def save(path):
    with open(path, "w") as file:
        file.write("saved\\n")

def main():
    if sys.argv[1:] == ["-"]:
        sys.argv[1:] = [sys.stdin.read()]
    if len(sys.argv) != 2:
        print("usage: slugify TEXT", file=sys.stderr)
        return 2
    print(slugify(sys.argv[1]))
"""


def call(target: str, *args: Any, kwargs: dict[str, Any] | None = None, bind: str | None = None, **expect: Any) -> Step:
    return Step(action="call", target=target, args=args, kwargs=kwargs or {}, bind=bind, expect=Expectation(**expect))


def run(*argv: str, stdin: str | None = None, **expect: Any) -> Step:
    return Step(action="run", argv=("slugify", *argv), stdin=stdin, expect=Expectation(**expect))


def case(*steps: Step) -> Case:
    return Case(steps=steps, line=1)


LIBRARY = (
    case(call("slugify:slugify", "Hello  World", returns="hello-world")),
    case(call("slugify:slugify", "a \"quoted\" 'x'\n\u00fc", returns="a-\"quoted\"-'x'-\u00fc")),
    case(call("slugify:slugify", "a b", kwargs={"sep": "_"}, returns={"$matches": "^a_"})),
    case(call("slugify:slugify", "", raises="UnicodeError", message_matches="empty")),
    case(call("slugify:slugify", "", raises="ValueError", or_subclass=True)),
    case(call("slugify:slugify", "x"), call("slugify:calls", returns=1)),
    case(call("slugify:calls", returns=0)),
    case(
        call(
            "slugify:price",
            "1.50",
            approx=0.1,
            returns={
                "net": {"$decimal": "1.5"},
                "parts": {"$tuple": [1, 2.05]},
                "tags": {"$set": ["a"]},
                "raw": {"$bytes": "AA=="},
                "note": {"$any": True},
            },
        )
    ),
    case(
        Step(action="new", target="slugify:History", bind="h"),
        call("$h.add", "a b"),
        call("$h.all", returns=["a-b"]),
    ),
    case(call("slugify:save", "out.txt", files_after={"out.txt": "saved\n"}, files_absent=("other.txt",))),
)
CLI = (
    case(run("Hello World", stdout="hello-world\n", stderr="")),
    case(run("-", stdin="A B", stdout="a-b\n")),
    case(run(exit=2, stdout="", stderr="usage: slugify TEXT\n")),
    case(run("it's $HOME", stdout_matches="home$")),
)


def requirement(deliver: Deliverable, cases: tuple[Case, ...]) -> Requirement:
    sealed = case(call("slugify:slugify", SECRET, returns=SECRET))
    return Requirement(
        title='Slug maker "2"',
        deliver=deliver,
        language="python",
        scope=("slugify.py",),
        budget=Budget(usd=Decimal(1), tokens=1, minutes=1),
        criteria=(Criterion(id="A-1", says='words are "joined"\nby one hyphen', cases=cases, sealed=(sealed,)),),
        tasks=(),
        prose="# Slug maker",
        source=SECRET.encode(),
        sealed_source=SECRET.encode(),
        command="slugify = slugify:main" if deliver == "cli" else None,
    )


def deliver(folder: Path, wanted: Requirement, tree: dict[str, bytes]) -> dict[str, bytes]:
    extra = delivery_files(wanted, tree, b'{"verified": true}', "One task, verified at the first attempt.")
    assert not set(extra) & set(tree)
    build_repository(folder, (CommitPlan(files={**tree, **extra}, message="Deliver", trailers=(), at_us=0),))
    return extra


def python(folder: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run python in a folder with a separate environment. Return stdout and stderr together."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_WALL_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("kind", "cases", "path"), [("library", LIBRARY, "slugify.py"), ("cli", CLI, "src/slugify.py")]
)
def test_the_acceptance_tests_pass_on_a_right_solution(
    tmp_path: Path, kind: Deliverable, cases: Any, path: str
) -> None:
    deliver(tmp_path / "a", requirement(kind, cases), {path: SLUGIFY})
    done = python(tmp_path / "a", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert f"{len(cases)} passed" in done.stdout


WRONG = [
    (b'.lower()', b'', "library", LIBRARY, 1),
    (b"UnicodeError", b"KeyError", "library", LIBRARY, 2),
    (b"UnicodeError", b"ValueError", "library", LIBRARY, 1),
    (b"(1, 2.0)", b"(True, 2.0)", "library", LIBRARY, 1),
    (b"(1, 2.0)", b"(1, 2.2)", "library", LIBRARY, 1),
    (b"CALLS = []", b"CALLS = [1]", "library", LIBRARY, 2),
    (b"saved\\n", b"saved", "library", LIBRARY, 1),
    (b"return 2", b"return 3", "cli", CLI, 1),
    (b"sys.stdin.read()", b"''", "cli", CLI, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "kind", "cases", "failures"),
    [pytest.param(*row, marks=CI if at else []) for at, row in enumerate(WRONG)],
)
def test_they_fail_on_a_wrong_one(
    tmp_path: Path, old: bytes, new: bytes, kind: Deliverable, cases: Any, failures: int
) -> None:
    assert old in SLUGIFY
    deliver(tmp_path / "a", requirement(kind, cases), {"slugify.py": SLUGIFY.replace(old, new)})
    done = python(tmp_path / "a", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 1, done.stdout
    assert f"{failures} failed" in done.stdout


def test_nothing_sealed_is_delivered(tmp_path: Path) -> None:
    extra = deliver(tmp_path / "a", requirement("library", LIBRARY), {"slugify.py": SLUGIFY})
    assert all(SECRET.encode() not in content for content in extra.values())
    assert any(b"Hello  World" in content for content in extra.values())
    assert extra["verdict.json"] == b'{"verified": true}'


def test_a_cli_installs_and_starts(tmp_path: Path) -> None:
    """Without a network and without what the project's own environment holds but for the build backend."""
    folder = tmp_path / "a"
    tree = {"slugify.py": SLUGIFY, "more/__init__.py": b"", "more/words.txt": b"w", "tests/test_own.py": b""}
    deliver(folder, requirement("cli", CLI), tree)
    target = tmp_path / "installed"
    pip = ("-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target))
    done = python(folder, *pip, str(folder))
    assert done.returncode == 0, done.stdout
    started = python(tmp_path, str(target / "bin" / "slugify"), "Hello World", path=str(target))
    assert (started.returncode, started.stdout) == (0, "hello-world\n")
    assert (target / "more" / "words.txt").exists()
    assert not (target / "tests").exists()


def test_what_lies_below_src_is_installed_by_its_own_name() -> None:
    sources = 'sources = ["src"]'
    for tree, called, found in (
        (["src/slug.py"], "slug:f", True),
        (["src/slug/__init__.py", "other.py"], "slug:f", True),
        (["src/slug.py"], "src.slug:f", False),
        (["src/__init__.py", "src/slug.py"], "slug:f", False),
        (["slug.py", "src/data.txt"], "slug:f", False),
    ):
        asked = requirement("library", (case(call(called)),))
        assert (sources in delivery_files(asked, tree, b"{}", "")["pyproject.toml"].decode()) is found, (tree, called)


@pytest.mark.slow
@pytest.mark.ci
def test_names_in_use_are_left_alone(tmp_path: Path) -> None:
    tree = {
        "slugify.py": SLUGIFY,
        "readme.md": b"mine",
        "verdict.json": b"mine",
        "pyproject.toml": b"[project]\nname = 'mine'\nversion = '1'\n",
        "tests/acceptance/conftest.py": b"",
        "tests/test_acceptance.py": b"",
        ".gitignore": b"",
    }
    extra = deliver(tmp_path / "a", requirement("library", LIBRARY), tree)
    assert set(extra) == {
        "DELIVERY.md",
        "aura-verdict.json",
        "tests/aura_acceptance/aura_casebox.py",
        "tests/aura_acceptance/conftest.py",
        "tests/aura_acceptance/test_tests_aura_acceptance.py",
    }
    done = python(tmp_path / "a", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    in_the_way = dict.fromkeys(("tests", "acceptance", "aura_acceptance", "DELIVERY.md", "README.md/x"), b"")
    extra = delivery_files(requirement("library", LIBRARY), in_the_way, b"", "")
    assert {"aura_acceptance_2/test_acceptance.py", "DELIVERY_2.md"} <= set(extra)


def test_the_lock_of_the_dependencies_comes_along() -> None:
    pins = {"dependencies": ("six==1.17.0",), "lock": f"six==1.17.0 --hash=sha256:{'0' * 64}\n".encode()}
    wanted = replace(requirement("library", LIBRARY), **pins)
    extra = delivery_files(wanted, {"slugify.py": SLUGIFY}, b"", "Verified.")
    assert extra["requirements.lock"] == wanted.lock
    exact = b".venv/bin/pip install --require-hashes -r requirements.lock\n.venv/bin/pip install .\n"
    assert exact in extra["README.md"]
    taken = delivery_files(wanted, {"slugify.py": SLUGIFY, "requirements.lock": b"mine"}, b"", "Verified.")
    assert taken["aura-requirements.lock"] == wanted.lock
    assert b" -r aura-requirements.lock\n" in taken["README.md"]
    control = delivery_files(requirement("library", LIBRARY), {"slugify.py": SLUGIFY}, b"", "Verified.")
    assert "requirements.lock" not in control
    assert b"--require-hashes" not in control["README.md"]


def test_the_readme_says_how_to_use_it() -> None:
    library = delivery_files(requirement("library", LIBRARY), {"slugify.py": SLUGIFY}, b"", "Verified.")["README.md"]
    assert b"from slugify import slugify\n\nslugify('Hello  World')\n" in library
    assert b'- A-1: words are "joined" by one hyphen\n' in library
    cli = delivery_files(requirement("cli", CLI), {"slugify.py": SLUGIFY}, b"", "Verified.")["README.md"]
    assert b".venv/bin/slugify 'Hello World'\n" in cli


@pytest.mark.parametrize(
    ("title", "name"),
    [("Slug maker", "slug-maker"), ("\u00fcber", "ber"), ("\u4e2d", "delivery"), ("-" * 80, "delivery")],
)
def test_distribution_names(title: str, name: str) -> None:
    assert distribution_name(title) == name
