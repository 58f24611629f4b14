"""The attacks, in groups."""

from tests.attacks.attack import Attack
from tests.attacks.corpus import copyout, host, kernel, lingering, network, resources

GROUPS: dict[str, tuple[Attack, ...]] = {
    "Resources": tuple(sorted((*resources.ATTACKS, *lingering.ATTACKS), key=lambda attack: attack.name)),
    "Network": network.ATTACKS,
    "The host's files, variables and processes": host.ATTACKS,
    "The kernel": kernel.ATTACKS,
    "Output of a box": copyout.ATTACKS,
}
CORPUS: tuple[Attack, ...] = tuple(attack for group in GROUPS.values() for attack in group)
