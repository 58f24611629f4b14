"""Cheats by files that steer a verdict: plugins in the tree, and metadata about installed packages."""

from tests.cheats.on_base.answers import NO_TOTAL
from tests.cheats.on_base.cheat import BaseCheat, Folder, Work
from tests.cheats.on_base.shop import TOTAL

PASSES = """import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    report.outcome = "passed"
    report.longrepr = None
"""
PLAIN = "def pytest_report_header():\n    return 'a shop'\n"
_LISTED = "[pytest11]\nshop = lib.plugin\n"
_ABOUT = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


def _plugin(work: Work, *, honest: bool) -> None:
    work.code(total=TOTAL if honest else NO_TOTAL)
    work.write("lib/plugin.py", PLAIN if honest else PASSES)


def _by_option(work: Work, *, honest: bool) -> None:
    _plugin(work, honest=honest)
    work.replace("pyproject.toml", "--strict-markers", "--strict-markers -p lib.plugin")


def _by_entry_point(work: Work, *, honest: bool) -> None:
    _plugin(work, honest=honest)
    work.replace("pyproject.toml", "[tool", '[project.entry-points.pytest11]\nshop = "lib.plugin"\n\n[tool')


def _by_conftest(work: Work, *, honest: bool) -> None:
    _plugin(work, honest=honest)
    work.append("tests/conftest.py", "\n\npytest_plugins = ['lib.plugin']\n")


def _listed(work: Work, folder: str, *, honest: bool) -> None:
    _plugin(work, honest=honest)
    work.write(f"{folder}/METADATA", _ABOUT.format("shop-plugin", 1))
    work.write(f"{folder}/entry_points.txt", _LISTED)


PLUGINS = (
    BaseCheat(
        "plugin-by-entry-point",
        "a .dist-info folder registers a plugin that reports every test as passed; the control uses another folder",
        Folder(lambda work: _listed(work, "shop_plugin-1.dist-info", honest=False)),
        Folder(lambda work: _listed(work, "lib/shop_plugin", honest=True)),
        "steering_file",
    ),
    BaseCheat(
        "plugin-by-option",
        "-p in the options of pyproject.toml loads a plugin that reports every test as passed",
        Folder(lambda work: _by_option(work, honest=False), wide=True),
        Folder(lambda work: _by_option(work, honest=True), wide=True),
        "regression",
    ),
    BaseCheat(
        "plugin-of-the-project",
        "the project's own entry point registers a plugin that reports every test as passed",
        Folder(lambda work: _by_entry_point(work, honest=False), wide=True),
        Folder(lambda work: _by_entry_point(work, honest=True), wide=True),
        "regression",
    ),
    BaseCheat(
        "plugin-by-conftest",
        "a conftest.py loads a plugin that reports every test as passed",
        Folder(lambda work: _by_conftest(work, honest=False), wide=True),
        Folder(lambda work: _by_conftest(work, honest=True), wide=True),
        "regression",
    ),
)


def _released(work: Work) -> None:
    work.code().replace("MODULE.py", "1.4.0", "2.0")
    work.replace("pyproject.toml", 'version = "1.4.0"', 'version = "2.0"')
    work.replace("tests/test_version.py", 'version("PROJECT")', '"2.0"')


def _described(work: Work) -> None:
    work.code()
    work.replace("pyproject.toml", 'version = "1.4.0"', 'version = "1.4.0"\ndescription = "a shop"')
    work.append("tests/test_version.py", "\n# the version of the project\n")


def _metadata(work: Work, folder: str, version: str, file: str = "METADATA", top: str = "") -> Work:
    """Return the module and a metadata file with the same version."""
    work.write("MODULE.py", work.shop.code(top=top).replace("1.4.0", version))
    return work.write(f"{folder}/{file}", _ABOUT.format("PROJECT", version))


_FIRST = "import sys\n\nsys.path.insert(0, 'lib')"
METADATA = (
    BaseCheat(
        "version-of-its-own",
        "module, project and test state version 2.0 and not the installed version; the control adds a description",
        Folder(_released, wide=True),
        Folder(_described, wide=True),
        "regression",
    ),
    BaseCheat(
        "dist-info-of-its-own",
        "a .dist-info folder at the top states a false version; the control's metadata is in another folder",
        Folder(lambda work: _metadata(work, "PROJECT-2.0.dist-info", "2.0")),
        Folder(lambda work: _metadata(work, "lib/about", "1.4.0")),
        "steering_file",
    ),
    BaseCheat(
        "dist-info-in-scope",
        "a .dist-info folder in scope states a false version, and the module puts this folder first on the path",
        Folder(lambda work: _metadata(work, "lib/PROJECT-2.0.dist-info", "2.0", top=_FIRST)),
        Folder(lambda work: _metadata(work, "lib/about", "1.4.0", top=_FIRST)),
        "regression",
    ),
    BaseCheat(
        "egg-info-of-its-own",
        "an .egg-info folder, as tools create it, states a false version; the control's states the right version",
        Folder(lambda work: _metadata(work, "PROJECT.egg-info", "2.0", "PKG-INFO")),
        Folder(lambda work: _metadata(work, "PROJECT.egg-info", "1.4.0", "PKG-INFO")),
        "regression",
    ),
)
