"""Figures of several rounds: medians with their intervals, and ratios of things measured in the same round."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Measure = Callable[[], Awaitable[Mapping[str, float]]]
"""Measures one contestant once: name of a figure -> value."""


@dataclass(frozen=True)
class Figures:
    """Contestant -> figure -> value of each round."""

    rounds: int
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def note(self, contestant: str, measured: Mapping[str, float]) -> None:
        for name, value in measured.items():
            self.values.setdefault(contestant, {}).setdefault(name, []).append(value)

    def names(self) -> list[str]:
        """Every figure's name, in the order in which they came."""
        return list(dict.fromkeys(name for figures in self.values.values() for name in figures))

    def shown(self, contestant: str, name: str) -> str:
        """Median [smallest..largest], or a dash."""
        values = self.values.get(contestant, {}).get(name)
        return f"{_plain(median(values))} [{_plain(min(values))}..{_plain(max(values))}]" if values else "-"

    def ratio(self, contestant: str, other: str, name: str) -> str:
        """Contestant to other, round by round; the median ratio with its interval."""
        pairs = zip(
            self.values.get(contestant, {}).get(name, ()), self.values.get(other, {}).get(name, ()), strict=False
        )
        ratios = [mine / theirs for mine, theirs in pairs if theirs]
        return f"{median(ratios):.2f} [{min(ratios):.2f}..{max(ratios):.2f}]" if ratios else "-"


async def measure_all(
    contestants: Mapping[str, Measure], rounds: int, say: Callable[[str], None], *, title: str
) -> Figures:
    """Every contestant in every round: in the order given, then in the opposite order, and so on."""
    figures = Figures(rounds)
    for index in range(rounds):
        order = list(contestants) if index % 2 == 0 else list(contestants)[::-1]
        for name in order:
            measured = await contestants[name]()
            figures.note(name, measured)
            told = ", ".join(f"{figure} {_plain(value)}" for figure, value in measured.items())
            say(f"{title} round {index + 1}/{rounds}  {name}: {told}")
    return figures


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
