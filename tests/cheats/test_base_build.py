"""A base whose build makes a version file and an extension: it is built once in a box, and its tests use the result."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cheats.suite_cheats import RIGHT
from tests.cheats.test_suites import CASE, gate, requirement
from verification.gates.base import Origin
from verification.judge import Candidate, judge
from verification.packages.base_build import build_base, needs_build
from verification.packages.base_preparation import generated_files
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox

BACKEND = b"""import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    assert os.path.exists("src/pkg/core.py") and not os.path.exists("src/pkg/_version.py")
    name = "pkg-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.write("src/pkg/core.py", "pkg/core.py")
        wheel.writestr("pkg/_version.py", f"version = {os.environ['SETUPTOOLS_SCM_PRETEND_VERSION']!r}\\n")
        wheel.writestr("pkg/_fast.so", b"compiled")
        wheel.writestr("pkg-1.dist-info/METADATA", "Name: pkg\\nVersion: 1\\n")
    print("built")
    return name
"""
BASE = {
    "pyproject.toml": b"""[build-system]
requires = []
build-backend = "backend"
backend-path = ["tools"]
[project]
name = "pkg"
dynamic = ["version"]
[tool.setuptools_scm]
version_file = "src/pkg/_version.py"
""",
    "tools/backend.py": BACKEND,
    "src/pkg/__init__.py": b"from pkg._version import version\n",
    "src/pkg/core.py": b"def double(number):\n    return number * 2\n",
    "src/pkg/_fast.c": b"/* the source of the extension */\n",
    "tests/test_pkg.py": b"""from pathlib import Path

import pkg
from pkg.core import double

def test_version():
    assert pkg.version == "2.5.1"

def test_extension():
    assert Path(pkg.__file__).with_name("_fast.so").read_bytes() == b"compiled"

def test_double():
    assert double(2) == 4
""",
}
DESCRIBED = "2.5.1"


async def built(sandbox: Bubblewrap, folder: Path) -> Origin:
    generated, notes = await generated_files(
        BASE, DESCRIBED, libraries=folder / "libraries", kept=folder / "builds", sandbox=sandbox, say=lambda _: None
    )
    assert notes == ()
    return Origin(files=BASE, described=DESCRIBED, generated=generated)


@pytest.mark.slow
@pytest.mark.ci
async def test_a_base_is_built_once_and_its_tests_run_against_what_that_made(
    sandbox: Bubblewrap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = await built(sandbox, tmp_path)
    assert set(origin.generated) == {"src/pkg/_version.py", "src/pkg/_fast.so"}
    monkeypatch.setattr("verification.packages.base_preparation.build_base", None)  # a second build would fail
    assert (await built(sandbox, tmp_path)).generated == origin.generated

    asked = replace(requirement(cases=(CASE,)), scope=("tidy.py", "src/**"))
    tree = {**BASE, "tidy.py": RIGHT.encode()}

    async def verdict(files: dict[str, bytes], start: Origin) -> Verdict:
        return await judge(
            Candidate(requirement=asked, tree=files, base=BASE, origin=start, advice=False),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )

    right = await verdict(tree, origin)
    assert right.verified, right.findings
    assert gate(right, "base_suite").text.startswith("1 of 1 test files ran, 3 tests passed")
    without = await verdict(tree, Origin(files=BASE))
    assert [finding.kind for finding in without.findings] == ["base_suite"]
    changed = await verdict({**tree, "src/pkg/_fast.c": b"/* faster */\n"}, origin)
    assert [(finding.kind, finding.path, finding.integrity) for finding in changed.findings] == [
        ("not_built", "src/pkg/_fast.c", False)
    ]


async def test_a_build_that_fails_says_why(sandbox: Bubblewrap) -> None:
    broken = {**BASE, "tools/backend.py": b"raise RuntimeError('no compiler')\n"}
    result = await build_base(broken, None, "", sandbox)
    assert result.files == {}
    assert "no compiler" in result.problem


@pytest.mark.parametrize(
    ("files", "needs"),
    [
        ({"pyproject.toml": b"[tool.setuptools_scm]\nwrite_to = 'a/_v.py'\n"}, True),
        ({"pyproject.toml": b"[tool.setuptools_scm]\nwrite_to = 'a/_v.py'\n", "a/_v.py": b""}, False),
        ({"pyproject.toml": b"[tool.hatch.build.hooks.vcs]\nversion-file = 'a/_v.py'\n"}, True),
        ({"setup.py": b"setup(ext_modules=[Extension('a', ['a.c'])])"}, True),
        ({"setup.py": b"setup(use_scm_version={'write_to': 'a/_v.py'})"}, True),
        ({"pyproject.toml": b"[build-system]\nbuild-backend = 'mesonpy'\n"}, True),
        ({"pyproject.toml": b"[project]\nname = 'a'\n", "setup.py": b"setup()"}, False),
        ({}, False),
    ],
)
def test_a_base_that_declares_generated_modules_needs_a_build(files: dict[str, bytes], needs: bool) -> None:
    assert needs_build(files) is needs
