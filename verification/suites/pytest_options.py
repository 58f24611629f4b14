"""The pytest options of a base that a run in a sandbox keeps. They are read from its files; no code of the base runs.

Some options are dropped: options for reports, coverage, parallel processes or an early stop, and unknown options. An
option is unknown if pytest and the conftest.py files of the base do not define it. A run lists the dropped options.
"""

import configparser
import fnmatch
import os
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

CONFIG_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Configuration files of pytest, in pytest's own order."""
DEFAULT_TEST_FILES = ("test_*.py", "*_test.py")
UNITTEST_FILES = ("test*.py", "tests.py")
"""File names that the test discovery of unittest and Django finds. They are used if no file has a name for pytest."""
_WITH_VALUE = frozenset(
    {"-m", "-k", "-W", "--ignore", "--ignore-glob", "--deselect", "--import-mode", "--pythonwarnings"}
    | {"--doctest-glob", "--doctest-report", "--capture"}
)
_ALONE = frozenset({"--doctest-modules", "--doctest-ignore-import-errors", "--doctest-continue-on-failure"})
_PATHS = frozenset({"--confcutdir", "--basetemp", "--rootdir", "--config-file", "-c"})
_DROPPED_WITH_VALUE = frozenset(
    {"--asyncio-mode", "--ds", "--dc"}
    | {"-n", "--numprocesses", "--dist", "--cov", "--cov-report", "--cov-config", "--junitxml", "--junit-xml", "--html"}
    | {"--maxfail", "--tb", "--durations", "--durations-min", "-r", "--color", "--verbosity", "--log-level", "--reruns"}
)
_OVERRIDES = (
    "addopts=",
    "required_plugins=",
    "strict=false",
    "strict_config=false",
    "strict_markers=false",
)
_QUIET = (
    "ignore::pytest.PytestConfigWarning",
    "ignore::pytest.PytestUnknownMarkWarning",
    "ignore::pytest.PytestAssertRewriteWarning",
)
"""Filters of warnings about missing plugins. Without them, a base that turns warnings into errors would stop."""


class PytestOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of pytest in a sandbox. `filters`: warning filters. A filter with an unknown class is dropped."""

    arguments: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    test_files: tuple[str, ...] = DEFAULT_TEST_FILES  # patterns of file names
    test_paths: tuple[str, ...] = ()  # folders and files that pytest collects from; empty: everywhere
    doctests: bool = False  # true: the doctests in the modules run, too
    config: str = ""  # the file that contains the options

    def without_error_filters(self) -> "PytestOptions":
        """Return these options without the filters that turn warnings into errors.

        New versions of libraries may give warnings that old versions did not give.
        """
        kept = tuple(text for text in self.filters if text.partition(":")[0].strip() != "error")
        dropped = tuple(text for text in self.filters if text not in kept)
        return msgspec.structs.replace(self, filters=kept, dropped=(*self.dropped, *dropped))

    def is_test_file(self, path: str) -> bool:
        """Return whether pytest treats the file at this path as a test file."""
        name = path.rpartition("/")[2]
        return name.endswith(".py") and any(fnmatch.fnmatchcase(name, pattern) for pattern in self.test_files)

    def test_files_of(self, files: Iterable[str]) -> tuple[str, ...]:
        """Return the test files that a run collects, sorted."""
        return tuple(sorted(path for path in files if self.is_test_file(path) and self._collected(path)))

    def _collected(self, path: str) -> bool:
        parts = path.split("/")
        if any(part.startswith(".") or part in ("node_modules", "venv", "build", "dist") for part in parts[:-1]):
            return False
        if not self.test_paths:
            return True
        return any(_below(path, place) for place in self.test_paths)


def pytest_options(base: Mapping[str, bytes]) -> PytestOptions:
    """Return the options of a base from its configuration files. A file that cannot be read counts as empty."""
    name, settings = _settings(base)
    conftests = b"\n".join(content for path, content in base.items() if path.rpartition("/")[2] == "conftest.py")
    kept, dropped = _kept(_words(settings.get("addopts")), conftests)
    patterns = tuple(_words(settings.get("python_files"))) or _default_patterns(base)
    overrides = [*_OVERRIDES]
    if not settings.get("python_files") and patterns != DEFAULT_TEST_FILES:
        overrides.append(f"python_files={' '.join(patterns)}")
    arguments = [word for override in overrides for word in ("-o", override)]
    arguments += [word for warning in _QUIET for word in ("-W", warning)]
    return PytestOptions(
        arguments=(*arguments, *_at_root(name), *kept),
        filters=tuple(_lines(settings.get("filterwarnings"))),
        dropped=dropped,
        test_files=patterns,
        test_paths=tuple(path.rstrip("/").removeprefix("./") for path in _words(settings.get("testpaths"))),
        doctests="--doctest-modules" in kept,
        config=name,
    )


def _at_root(config: str) -> tuple[str, ...]:
    """Return the options that make the project's root the root of every run.

    For a run of a few test files, pytest would use the nearest folder with a pyproject.toml as its root. In a
    repository of several packages, test ids would then be relative to that folder, and pytest would use its settings.
    """
    return ("--rootdir=.", "--confcutdir=.", "-c", config or os.devnull)


def _settings(base: Mapping[str, bytes]) -> tuple[str, Mapping[str, Any]]:
    """Return the first configuration file with pytest settings, in pytest's order, and its settings."""
    for name in CONFIG_FILES:
        if name in base and (settings := _section(name, base[name])) is not None:
            return name, settings
    return "", {}


def _section(name: str, content: bytes) -> Mapping[str, Any] | None:
    text = content.decode("utf-8", "replace")
    if name.endswith(".toml"):
        try:
            whole = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return None
        tools = _table(whole.get("tool")) if name == "pyproject.toml" else whole
        pytest = _table(tools.get("pytest"))
        settings = _table(pytest.get("ini_options")) or {k: v for k, v in pytest.items() if k != "ini_options"}
        return settings or None
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    section = "tool:pytest" if name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return dict(parser[section])
    return {} if name in ("pytest.ini", ".pytest.ini") else None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: Any) -> list[str]:
    """Return a setting as a list of words. A list stays unchanged; a text is split as a shell splits it."""
    if isinstance(value, list):
        return [str(item) for item in value]
    if not isinstance(value, str):
        return []
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def _lines(value: Any) -> list[str]:
    lines = value if isinstance(value, list) else str(value or "").splitlines()
    return [text for line in lines if (text := str(line).strip()) and not text.startswith("#")]


def _kept(words: list[str], conftests: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the options of `addopts` that a run keeps, and those that it drops."""
    kept: list[str] = []
    dropped: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        option, equals, _ = word.partition("=")
        following = words[position + 1] if position + 1 < len(words) else None
        alone = bool(equals) or following is None or following.startswith("-")
        keep = _is_kept(word, option, following, conftests)
        takes_value = option in _WITH_VALUE | _DROPPED_WITH_VALUE | _PATHS | {"-p", "-o"}
        count = 1 if alone or not takes_value else 2
        (kept if keep else dropped).extend(words[position : position + count])
        position += count
    return tuple(kept), tuple(dropped)


def _is_kept(word: str, option: str, following: str | None, conftests: bytes) -> bool:
    if not word.startswith("-"):
        return True  # a path to collect from
    if word == "-p" or (word.startswith("-p") and not word.startswith("--")):
        plugin = following or "" if word == "-p" else word[2:]
        return plugin.startswith("no:") and plugin not in ("no:cacheprovider",)
    if option in _PATHS or option in _DROPPED_WITH_VALUE:
        return False
    if option in _WITH_VALUE or option in _ALONE:
        return True
    if word.startswith(("-W", "-k", "-m")) and not word.startswith("--"):
        return True
    return word.startswith("--") and option.encode() in conftests


def _default_patterns(base: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return pytest's patterns of file names, or unittest's patterns if no file matches pytest's patterns."""
    names = [path.rpartition("/")[2] for path in base]
    if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in DEFAULT_TEST_FILES):
        return DEFAULT_TEST_FILES
    if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in UNITTEST_FILES):
        return UNITTEST_FILES
    return DEFAULT_TEST_FILES


def _below(path: str, place: str) -> bool:
    """Return whether a path is `place` or lies below it. `place` may contain wildcards; `.` matches everything."""
    if place in ("", "."):
        return True
    parts, wanted = path.split("/"), place.split("/")
    return len(parts) >= len(wanted) and all(
        fnmatch.fnmatchcase(part, pattern) for part, pattern in zip(parts, wanted, strict=False)
    )
