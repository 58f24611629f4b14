"""Every attack of the corpus is contained in a command of a session, and the session goes on after it.

`test_corpus.py` has the controls: each attack works without a box.
"""

import asyncio

import pytest

from tests.attacks.attack import Attack, Seen
from tests.attacks.corpus import CORPUS, GROUPS
from tests.attacks.in_session import ALIVE_SAID, all_in_session
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.docker import Docker
from verification.sandbox.session_command import CommandResult

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.timeout(300)]

ATTACKS = tuple(attack for attack in CORPUS if attack not in GROUPS["Output of a box"])
"""`test_session_tree.py` has the attacks on the reader of the files."""
each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.name} {attack.title}")
Outcomes = dict[str, tuple[Seen, CommandResult]]


@pytest.fixture(scope="module")
def boxed(sandbox: Bubblewrap) -> Outcomes:
    """Run all attacks once in sessions of bubblewrap."""
    return asyncio.run(all_in_session(sandbox, ATTACKS))


@pytest.fixture(scope="module")
def in_containers(docker_sandbox: Docker) -> Outcomes:
    """Run all attacks once in sessions in containers."""
    return asyncio.run(all_in_session(docker_sandbox, ATTACKS, at_once=2))


@each_attack
def test_a_command_contains_it(attack: Attack, boxed: Outcomes, sandbox: Bubblewrap) -> None:
    if attack.needs_tree_memory and not asyncio.run(sandbox.probe()).tree_memory:
        pytest.skip("this machine cannot hold the memory of a tree, and the sandbox says so")
    seen, alive = boxed[attack.name]
    assert attack.held(seen) == ""
    assert (alive.reason, alive.observed(), alive.why) == ("exit", ALIVE_SAID, "")


@pytest.mark.slow
@pytest.mark.ci
@each_attack
def test_a_command_in_a_container_contains_it(attack: Attack, in_containers: Outcomes) -> None:
    seen, alive = in_containers[attack.name]
    assert attack.held(seen) == ""
    assert (alive.reason, alive.observed(), alive.why) == ("exit", ALIVE_SAID, "")
