"""The pytest configuration of a base: the options that a run in a box keeps, and the dropped options that it names."""

import pytest

from verification.suites.pytest_options import DEFAULT_TEST_FILES, pytest_options

KEPT = {
    "-m 'not slow'": ("-m", "not slow"),
    "--doctest-modules": ("--doctest-modules",),
    "--import-mode=importlib": ("--import-mode=importlib",),
    "--ignore docs --ignore=build": ("--ignore", "docs", "--ignore=build"),
    "-p no:logging": ("-p", "no:logging"),
    "-W error": ("-W", "error"),
    "tests more": ("tests", "more"),
}
DROPPED = (
    "--cov",
    "--cov=pkg --cov-report term-missing",
    "-n auto",
    "-n4 --dist loadfile",
    "-ra -q",
    "--strict-markers --strict-config",
    "-p xdist",
    "--junitxml=out.xml",
    "--maxfail 1 -x",
    "--color=yes --tb=long --durations=10",
    "--basetemp=/tmp/x -c other.ini",
    "--unknown-option",
)


def ini(addopts: str) -> dict[str, bytes]:
    return {"pytest.ini": f"[pytest]\naddopts = {addopts}\n".encode()}


def kept(base: dict[str, bytes]) -> tuple[str, ...]:
    """Return the arguments after those that every run has."""
    options = pytest_options(base)
    return options.arguments[len(pytest_options({}).arguments) :]


@pytest.mark.parametrize("addopts", KEPT)
def test_options_that_choose_tests_are_kept(addopts: str) -> None:
    assert kept(ini(addopts)) == KEPT[addopts]
    assert pytest_options(ini(addopts)).dropped == ()


@pytest.mark.parametrize("addopts", DROPPED)
def test_options_that_report_or_distribute_are_dropped_and_named(addopts: str) -> None:
    assert kept(ini(addopts)) == ()
    assert pytest_options(ini(addopts)).dropped == tuple(addopts.split())


def test_an_option_that_the_bases_conftest_defines_is_kept() -> None:
    base = ini("--run-slow --other") | {
        "tests/conftest.py": b"def pytest_addoption(parser):\n    parser.addoption('--run-slow')\n"
    }
    assert kept(base) == ("--run-slow",)
    assert pytest_options(base).dropped == ("--other",)


TOML = (
    b'[tool.pytest.ini_options]\naddopts = ["-m", "not net"]\n'
    b'testpaths = ["tests/"]\nfilterwarnings = ["error", "ignore::a.B"]\n'
)
PLACES = {
    "pyproject.toml": {"pyproject.toml": TOML},
    "pytest.toml": {"pytest.toml": TOML.replace(b"tool.pytest.ini_options", b"pytest"), "tox.ini": b"[pytest]\n"},
    "tox.ini": {
        "tox.ini": b"[pytest]\naddopts = -m 'not net'\ntestpaths = tests\n"
        b"filterwarnings =\n    error\n    ignore::a.B\n"
    },
    "setup.cfg": {
        "setup.cfg": b"[tool:pytest]\naddopts = -m 'not net'\ntestpaths = tests\n"
        b"filterwarnings =\n  error\n  ignore::a.B\n"
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_each_configuration_file_is_read_in_pytests_own_order(place: str) -> None:
    options = pytest_options(
        {**PLACES[place], "setup.cfg": PLACES[place].get("setup.cfg", b"[tool:pytest]\naddopts = -x\n")}
    )
    assert options.config == place
    assert options.arguments[-2:] == ("-m", "not net")
    assert (options.test_paths, options.filters) == (("tests",), ("error", "ignore::a.B"))
    calmer = options.without_error_filters()
    assert (calmer.filters, calmer.dropped[-1]) == (("ignore::a.B",), "error")


def test_a_configuration_that_cannot_be_read_counts_as_empty() -> None:
    assert pytest_options({"pyproject.toml": b"[tool", "tox.ini": b"no section"}).config == ""
    assert pytest_options({"pytest.ini": b"[pytest]\naddopts = 'open\n"}).dropped == ()


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("tests/test_a.py", "tests/helper.py"), DEFAULT_TEST_FILES),
        (("app/tests.py", "app/models.py"), ("test*.py", "tests.py")),
        (("app/models.py",), DEFAULT_TEST_FILES),
    ],
)
def test_a_base_without_pytests_names_is_read_by_those_of_unittest(
    paths: tuple[str, ...], names: tuple[str, ...]
) -> None:
    options = pytest_options(dict.fromkeys(paths, b""))
    assert options.test_files == names
    assert ("python_files=test*.py tests.py" in options.arguments) == (names != DEFAULT_TEST_FILES)


def test_test_files_are_those_that_a_run_collects() -> None:
    base = {"pytest.ini": b"[pytest]\ntestpaths = tests\n"}
    files = ["tests/test_a.py", "tests/deep/test_b.py", "other/test_c.py", "tests/.hidden/test_d.py", "tests/data.py"]
    assert pytest_options(base).test_files_of(files) == ("tests/deep/test_b.py", "tests/test_a.py")
    assert pytest_options({}).test_files_of(files) == ("other/test_c.py", "tests/deep/test_b.py", "tests/test_a.py")
