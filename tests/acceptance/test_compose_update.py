"""A running compose.yaml of release 0.1.0 gets the present sources and image, and keeps its volumes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.daemon import Engine, EngineFailed, missing
from tests.engine.stack import Stack
from tests.integration.house import Sample
from tests.releases import release

LACKING = missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_git,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(LACKING), reason=f"no engine can be started here; missing: {', '.join(LACKING)}"),
]
CALL_S = 20.0


@pytest.fixture
def stack() -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="aura-engine-"))
    release(folder / "release")
    engine = Engine(folder / "engine")
    try:
        try:
            engine.start()
        except EngineFailed as error:
            pytest.skip(f"no engine starts here: {error}")
        stack = Stack(engine, folder, sources=folder / "release")
        stack.lay_out()
        stack.up()
        stack.open()
        yield stack
        stack.down()
        print("\n" + ", ".join(f"{what} {took_s:.1f} s" for what, took_s in stack.timings.items()))
    finally:
        engine.close()
        shutil.rmtree(folder)


def test_an_open_run_goes_on_with_the_volumes_of_the_release(stack: Stack) -> None:
    sample = Sample(1)
    stack.hire("anna", {name: [sample.right(name)] for name in sample.numbers}, delay_s=CALL_S)
    run = stack.submit(sample)
    stack.until(lambda: [one for one in stack.events() if one["envelope"]["type"] == "task.call_started"])
    before = len(stack.events())
    stack.update()
    stack.up()
    stack.open()
    assert len(stack.events()) >= before
    stack.until(lambda: stack.aura("run", "show", run)["run"]["phase"] == "delivered")
    assert stack.aura("approve", run)["outcome"] == "delivered"
    assert stack.aura("replay", "--check")["differences"] == []
