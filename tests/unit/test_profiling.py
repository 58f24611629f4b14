"""The profile: every module has a layer, the samples are where the CPU time is, and their sum is the CPU time."""

import ast
import json
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bench.profiling import layers, sampler
from bench.profiling.flame import folded, svg
from bench.profiling.layers import LAYERS, MEANINGS, OTHER, PREFIXES, Stack, by_function, by_layer, layer_of
from bench.profiling.page import attributed, data_of, page
from bench.profiling.processes import ENDED, cpu_of_children, spent_between
from bench.profiling.sampler import Profile, sampled
from bench.profiling.scenarios import Measured
from bus.hops import HopTime
from domain.errors import Unavailable
from tests.architecture.packages import PACKAGES

ROOT = Path(__file__).parents[2]
BUSY_S = 0.3
SIGNALS = 20
"""A machine whose host takes much of its time sends few signals, so a block ends only after this number."""
MOST_S = 30.0
SAMPLES: dict[Stack, float] = {
    (("asyncio.events", "Handle._run"), ("bus.recorder", "record"), ("json", "loads")): 2.0,
    (("asyncio.events", "Handle._run"), ("domain.law", "mark")): 1.0,
    (("threading", "Thread.run"),): 1.0,
}


def test_every_module_of_the_project_has_a_layer() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in (*PACKAGES, "bench")
        for path in (ROOT / package).rglob("*.py")
        if "in_box" not in path.parts
    ]
    assert len(modules) > 300
    assert [module for module in modules if layer_of(module) is None] == []


def test_every_module_of_the_table_exists() -> None:
    """A module that is renamed must keep its layer."""
    own = [name for name in PREFIXES if name.partition(".")[0] in PACKAGES]
    assert [name for name in own if not list(ROOT.glob(f"{name.replace('.', '/')}*"))] == []
    assert set(MEANINGS) == set(LAYERS)


def test_the_longest_name_decides_and_a_library_without_a_layer_belongs_to_its_caller() -> None:
    assert layer_of("bus.codec") == "codec"
    assert layer_of("bus.codecs") == "log"
    assert layer_of("json.decoder") is None
    seconds = by_layer(SAMPLES)
    assert {layer: spent for layer, spent in seconds.items() if spent} == {"log": 2.0, "law": 1.0, OTHER: 1.0}
    assert by_function(SAMPLES, 2) == [("bus.recorder.record", 2.0), ("domain.law.mark", 1.0)]


def more(profile: Profile, begun: float) -> bool:
    """Tell if a thread that began at `begun` must work on, until there are enough samples."""
    spent = time.thread_time() - begun
    return spent < BUSY_S or (profile.count < SIGNALS and spent < MOST_S)


def busy(profile: Profile) -> int:
    """Use CPU time in functions of C, which this function calls."""
    begun, count = time.thread_time(), 0
    while more(profile, begun):
        count += len(sorted(range(2000)))
    return count


def idle() -> None:
    time.sleep(0.2)


def share(profile: Profile, function: str) -> float:
    here = sum(spent for stack, spent in profile.samples.items() if any(name == function for _, name in stack))
    return here / profile.cpu_s


def test_the_time_of_functions_in_c_belongs_to_their_caller_and_the_sum_is_the_cpu_time() -> None:
    with sampled() as profile:
        busy(profile)
        idle()
    assert profile.count > 10
    assert share(profile, "busy") > 0.9
    assert share(profile, "idle") < 0.1
    assert profile.sampled_s == pytest.approx(profile.cpu_s, rel=0.1)
    assert profile.wall_s >= 0.2
    assert max(profile.samples, key=lambda stack: profile.samples[stack])[-1] == (__name__, "busy")


def test_the_time_of_another_thread_belongs_to_its_function() -> None:
    with sampled() as profile:
        thread = threading.Thread(target=busy, args=(profile,))
        thread.start()
        while thread.is_alive():
            thread.join(0.05)
    assert share(profile, "busy") > 0.7


def test_the_time_before_a_function_began_belongs_to_its_caller() -> None:
    """A signal that comes while C code runs is seen at the first instruction of the next function."""
    name = "test_the_time_before_a_function_began_belongs_to_its_caller.<locals>.small"

    def small(number: int) -> int:
        return number

    with sampled() as profile:
        begun = time.thread_time()
        while more(profile, begun):
            sorted(range(4000), key=small)
    assert share(profile, name) < 0.9  # the control: a part of the time is in `sorted` itself


def test_the_former_handler_is_restored_even_after_an_error() -> None:
    former = signal.getsignal(signal.SIGPROF)
    with pytest.raises(KeyError), sampled():
        raise KeyError
    assert signal.getsignal(signal.SIGPROF) == former
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_block_without_a_signal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "SILENCE_S", 0.0)
    with sampled() as profile:  # the control: signals come
        busy(profile)
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)
    with pytest.raises(Unavailable, match="no signal in"), sampled():
        sorted(range(20_000))


def test_a_system_without_timers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "setitimer")
    with pytest.raises(Unavailable, match="no timers of CPU time"), sampled():
        pass


def test_processes_that_this_one_started_are_counted() -> None:
    before = cpu_of_children()
    program = "import time\nbegun = time.process_time()\nwhile time.process_time() - begun < 0.2: pass"
    subprocess.run([sys.executable, "-c", program], check=True)
    spent = spent_between(before, cpu_of_children())
    assert spent[ENDED] >= 0.15


def measured() -> Measured:
    profile = Profile(samples=dict(SAMPLES), count=40, cpu_s=4.0, wall_s=5.0, collecting_s=0.4)
    return Measured(
        "run", "runs", {"run": 10, "event": 130}, profile, {"postgres": 1.3}, [HopTime("gate: decided", 0.25, 130)]
    )


def test_the_page_has_each_layer_per_unit_and_the_sum() -> None:
    text = page([measured()], {"Python": "3"}, "asyncio")
    assert "| log | 200.00 | 15,384.6 | 50.0% |" in text
    assert "| CPU time by the system's clock | 400.00 | 30,769.2 | 100% |" in text
    assert "attribute 75.0% of it to a layer" in text
    assert "postgres 130.00 and 10,000.0" in text
    assert "| gate: decided | 0.25 | 130 |" in text
    assert attributed(measured()) == 0.75
    assert json.loads(json.dumps(data_of(measured())))["layers_s"]["law"] == 1.0


def test_a_flame_graph_is_svg_and_folded_stacks_have_the_same_time() -> None:
    lines = folded(SAMPLES).splitlines()
    assert "asyncio.events.Handle._run;domain.law.mark 1000000" in lines
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == 4_000_000
    drawn = ElementTree.fromstring(svg(SAMPLES, "a <title>"))
    titles = [each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert "domain.law.mark: 25.0% (law)" in titles
    assert len(titles) == 5


def test_the_profiler_is_not_in_its_own_samples() -> None:
    with sampled() as profile:
        busy(profile)
    own = {layers.__name__, sampler.__name__}
    assert not [stack for stack in profile.samples if stack and stack[-1][0] in own]
    assert 0 < profile.own_s < profile.cpu_s / 2


def test_the_profile_is_made_without_a_library() -> None:
    """`make profile` works on a fresh clone: the profiler imports only the standard library and the project."""
    files = [ROOT / "bench" / "profiling" / name for name in ("layers.py", "sampler.py", "flame.py", "processes.py")]
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    own = {"bench", "domain"}
    assert {name for name in names if name.partition(".")[0] not in own | set(sys.stdlib_module_names)} == set()
