"""The metadata of a base and the packages that it declares for its tests are read without running its code."""

import pytest

from verification.packages.base_dependencies import base_dependencies
from verification.packages.project_metadata import UNKNOWN_VERSION, projects_of
from verification.packages.source_folders import source_folders

DESCRIBED = "2.5.1"
VERSIONS = {
    "pyproject": ({"pyproject.toml": b'[project]\nname = "it"\nversion = "1.2"\n'}, "1.2"),
    "poetry": ({"pyproject.toml": b'[tool.poetry]\nname = "it"\nversion = "1.3"\n'}, "1.3"),
    "setup.cfg": ({"setup.cfg": b"[metadata]\nname = it\nversion = 1.4\n"}, "1.4"),
    "setup.cfg attr": (
        {
            "setup.cfg": b"[metadata]\nname = it\nversion = attr: it.about.VERSION\n",
            "src/it/about.py": b"VERSION = '1.5'\n",
        },
        "1.5",
    ),
    "setup.cfg file": ({"setup.cfg": b"[metadata]\nname = it\nversion = file: VERSION\n", "VERSION": b"1.6\n"}, "1.6"),
    "setup.py": ({"setup.py": b"from setuptools import setup\nv = '1.7'\nsetup(name='it', version=v)\n"}, "1.7"),
    "hatch": (
        {
            "pyproject.toml": b'[project]\nname = "it"\n'
            b'dynamic = ["version"]\n[tool.hatch.version]\npath = "it/v.py"\n',
            "it/v.py": b"__version__: str = '1.8'\n",
        },
        "1.8",
    ),
    "setuptools dynamic": (
        {
            "pyproject.toml": b'[project]\nname = "it"\n'
            b'[tool.setuptools.dynamic]\nversion = {attr = "it.__version__"}\n',
            "it/__init__.py": b"import os\n__version__ = '1.9'\n",
        },
        "1.9",
    ),
    "flit": (
        {"pyproject.toml": b'[project]\nname = "it"\ndynamic = ["version"]\n', "it.py": b"__version__ = '1.10'\n"},
        "1.10",
    ),
    "git tags": (
        {
            "pyproject.toml": b'[build-system]\nrequires = ["setuptools-scm"]\n'
            b'[project]\nname = "it"\n[tool.setuptools_scm]\n'
        },
        DESCRIBED,
    ),
}


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_version_is_read_from_where_packaging_has_it(kind: str) -> None:
    base, version = VERSIONS[kind]
    (project,) = projects_of(base, DESCRIBED)
    assert (project.name, project.version) == ("it", version)
    files = project.files()
    assert f"Name: it\nVersion: {version}\n".encode() in files[f"it-{version}.dist-info/METADATA"]


def test_nothing_is_run_and_a_version_that_is_not_known_is_zero() -> None:
    evil = b"from setuptools import setup\nimport os\nos.abort()\nsetup(name='it', version=open('VERSION').read())\n"
    (project,) = projects_of({"setup.py": evil})
    assert project.version == UNKNOWN_VERSION
    assert projects_of({"setup.py": b"setup(name=NAME)"}) == ()
    assert projects_of({"pyproject.toml": b"[project", "setup.cfg": b"\xff\x00"}) == ()


def test_entry_points_are_there_but_never_those_for_pytest() -> None:
    toml = b"""[project]
name = "it"
version = "1"
scripts = {it = "it.main:run"}
[project.entry-points."it.plugins"]
One = "it.one:One"
[project.entry-points.pytest11]
it = "it.pytest_plugin"
"""
    (project,) = projects_of({"pyproject.toml": toml, "src/it/__init__.py": b""})
    listed = project.files()["it-1.dist-info/entry_points.txt"].decode()
    assert "[console_scripts]\nit = it.main:run" in listed
    assert "[it.plugins]\nOne = it.one:One" in listed
    assert "pytest11" not in listed
    assert project.modules == ("it",)


def test_source_folders_are_the_top_src_and_those_of_a_monorepo() -> None:
    base = {
        "pyproject.toml": b'[tool.setuptools.packages.find]\nwhere = ["lib"]\n',
        "lib/it/__init__.py": b"",
        "src/other/__init__.py": b"",
        "packages/a/pyproject.toml": b'[project]\nname = "a"\nversion = "1"\n',
        "packages/a/src/a/__init__.py": b"",
        "packages/b/setup.py": b"setup(name='b', version='1', package_dir={'': 'code'})",
        "packages/b/code/b.py": b"",
    }
    assert source_folders(base) == ("", "src", "lib", "packages/a", "packages/a/src", "packages/b", "packages/b/code")
    assert [project.name for project in projects_of(base)] == ["a", "b"]
    assert source_folders({"it.py": b""}) == ("",)


DECLARED = {
    "extra": b'[project]\nname = "it"\ndependencies = ["idna>=3"]\n'
    b'[project.optional-dependencies]\ntests = ["trio"]\ndocs = ["sphinx"]\n',
    "group": b'[project]\nname = "it"\ndependencies = ["idna>=3"]\n'
    b'[dependency-groups]\ntest = ["trio", {include-group = "more"}]\nmore = []\n',
    "itself": b'[project]\nname = "it"\ndependencies = ["idna>=3"]\n'
    b'[project.optional-dependencies]\ntest = ["it[fast]"]\nfast = ["trio"]\n',
    "poetry": b'[tool.poetry]\nname = "it"\n[tool.poetry.dependencies]\n'
    b'python = "^3.9"\nidna = "^3"\n[tool.poetry.group.test.dependencies]\ntrio = "*"\n',
    "development": b'[project]\nname = "it"\n'
    b'dependencies = ["idna>=3"]\n[dependency-groups]\ndev = ["trio", "mypy==1.0"]\n',
    "hatch": b'[project]\nname = "it"\n'
    b'dependencies = ["idna>=3"]\n[tool.hatch.envs.hatch-test]\nextra-dependencies = ["trio"]\n',
}


@pytest.mark.parametrize("kind", DECLARED)
def test_what_a_base_declares_for_its_tests(kind: str) -> None:
    assert base_dependencies({"pyproject.toml": DECLARED[kind]}).requirements == ("idna>=3", "trio")


def test_requirements_files_are_read_with_those_that_they_include() -> None:
    base = {
        "setup.py": b"setup(name='it', install_requires=['idna>=3'])",
        "requirements/tests.txt": b"-r base.txt\ntrio==0.30 --hash=sha256:00  # why\n-e .[x]\ngit+https://example.org/x\n",
        "requirements/base.txt": b"sniffio; python_version >= '3'\nold; python_version < '3'\n./local\n",
        "requirements/docs.txt": b"sphinx\n",
    }
    read = base_dependencies(base)
    assert read.requirements == ("idna>=3", "sniffio", "trio==0.30")
    assert [line.partition(":")[0] for line in read.left_out] == ["old; python_version < '3'", "./local", "git+https"]
    assert base_dependencies({"requirements.txt": b"pytest==8\n-e .[x]\n"}).requirements == ("pytest==8",)
    assert base_dependencies({"requirements.txt": b"gunicorn\n"}).requirements == ()
    assert base_dependencies({"requirements.txt": b"-r requirements.txt\npytest\n"}).requirements == ("pytest",)


def test_extras_that_are_features_are_optional_and_tools_are_not() -> None:
    toml = b"""[project]
name = "it"
dependencies = ["idna"]
[project.optional-dependencies]
links = ["linkify-it-py"]
test = ["trio"]
docs = ["sphinx"]
all = ["it[links]", "huge"]
"""
    read = base_dependencies({"pyproject.toml": toml})
    assert (read.requirements, read.optional) == (("idna", "trio"), ("linkify-it-py",))
