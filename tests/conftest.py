"""The order of test files, and the handling of tests that need a missing part of the machine."""

import asyncio
import gc
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from bus.event_loop import Factory, factory_of, name_of
from bus.secretfile import READ

LOOP = "TEST_LOOP"
"""The event loop of all tests: uvloop or asyncio. It is asyncio by default."""
ALL_PARTS = "TEST_ALL_PARTS"
"""Set this variable if every part is installed. Then a test that is skipped for a missing part counts as failed."""
OF_THE_MACHINE = (
    "root reads everything",
    "only root",
    "root alone",
    "every other test here already runs as a plain user",
    "that another user may run",
    "plain user can",
    "elsewhere",
    "this machine cannot hold",
    "networks of their own",
    "no table of system calls",
)
"""Words in the reasons of skips that depend on the user, the kernel or the machine, and not on an installed part."""
LONGEST_FIRST = (
    "test_browser",
    "test_cli_path",
    "test_zoo",
    "test_demo_real",
    "test_cli_stop",
    "test_kills",
    "test_many_runs",
    "test_large_replay",
    "test_history",
    "test_services",
    "test_cli_models",
    "test_cli_demo",
    "test_replay",
    "test_services_alone",
    "test_property_kinds",
    "test_suites",
    "test_races",
    "test_cli_contract",
    "test_judge",
    "test_managers",
    "test_libraries",
    "test_static_gates",
    "test_verdicts",
    "test_embedded_home",
    "test_cli_events",
    "test_embedded_stack",
    "test_endings",
    "test_base_suite",
    "test_domain_properties",
    "test_alerts",
    "test_smoke",
    "test_cli_doctor",
    "test_mutation_gate",
    "test_plain_user",
    "test_corpus",
    "test_release_0_1_0",
)
"""The files with the longest times, longest first (from `--durations=0`). A worker takes a whole file, so a long file
at the end would leave the other workers without work."""


SDK_FILES = ("tests/contract/", "tests/integration/test_model_employee.py", "tests/integration/test_probe_facts.py")
"""The tests that call the SDKs of the providers. One worker runs them all, because each worker that calls an SDK loads
it: all of them take 7 s of processor time."""
WHOLLY_SLOW = re.compile(r"^pytestmark = [^\n]*?(\[[^]]*)?mark\.slow\b", re.MULTILINE)
"""A test file of which all tests are slow."""

GARBAGE_THRESHOLDS = (20_000, 20, 50)
"""The numbers of objects and collections after which Python looks for garbage cycles. With its defaults (700, 10, 10),
that is a fifth of the time of the collection of tests, and two thirds of the time of parsing a source."""
gc.set_threshold(*GARBAGE_THRESHOLDS)


@pytest.fixture(autouse=True)
def no_secret_outlives_its_test() -> Iterator[None]:
    """Forget the keys that a test's employees have read, because controls of other tests show these keys."""
    yield
    READ.clear()


def pytest_asyncio_loop_factories() -> dict[str, Factory]:
    """Run the tests on the event loop that long processes use, or on the one that the variable names."""
    choice: Any = os.environ.get(LOOP, "asyncio")
    return {name_of(choice): factory_of(choice) or asyncio.new_event_loop}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a file of which all tests are slow, if no slow test is wanted."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return True if WHOLLY_SLOW.search(collection_path.read_text(encoding="utf-8")) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a whole file to one worker (`--dist loadfile`), and all files that call the SDKs to the same worker."""
    if config.getvalue("dist") != "loadfile":
        return None
    shares: Any = LoadFileScheduling(config, log)
    of_file = shares._split_scope
    shares._split_scope = lambda name: SDK_FILES[0] if name.startswith(SDK_FILES) else of_file(name)
    return shares


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first. The other files keep their order."""
    place = {name: at for at, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(Path(item.path).stem, len(place)))


def pytest_collection_finish() -> None:
    """Exempt all modules and tests from later searches for garbage. They stay until the end of the session."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for a missing part into a failure, if the caller has said that all parts exist."""
    report = yield
    if ALL_PARTS in os.environ and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if report.skipped and not any(words in reason for words in OF_THE_MACHINE):
            report.outcome, report.longrepr = "failed", f"{reason}: but {ALL_PARTS} says that every part is here"
    return report
