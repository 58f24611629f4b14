"""Figures of several rounds: medians with their ranges, and ratios between contestants in the same round."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Measure = Callable[[], Awaitable[Mapping[str, float]]]
"""Function that measures one contestant once. It returns {name of a figure: value}."""


@dataclass(frozen=True)
class Figures:
    """The measured values, as {contestant: {name of a figure: value of each round}}."""

    rounds: int
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def note(self, contestant: str, measured: Mapping[str, float]) -> None:
        for name, value in measured.items():
            self.values.setdefault(contestant, {}).setdefault(name, []).append(value)

    def names(self) -> list[str]:
        """Return the names of all figures, in the order of their first measurement."""
        return list(dict.fromkeys(name for figures in self.values.values() for name in figures))

    def shown(self, contestant: str, name: str) -> str:
        """Return a figure as "median [smallest..largest]", or "-" if it was not measured."""
        values = self.values.get(contestant, {}).get(name)
        return f"{_plain(median(values))} [{_plain(min(values))}..{_plain(max(values))}]" if values else "-"

    def ratio(self, contestant: str, other: str, name: str) -> str:
        """Compute the ratio of a contestant to another in each round. Return "median [smallest..largest]"."""
        pairs = zip(
            self.values.get(contestant, {}).get(name, ()), self.values.get(other, {}).get(name, ()), strict=False
        )
        ratios = [mine / theirs for mine, theirs in pairs if theirs]
        return f"{median(ratios):.2f} [{min(ratios):.2f}..{max(ratios):.2f}]" if ratios else "-"


async def measure_all(
    contestants: Mapping[str, Measure], rounds: int, say: Callable[[str], None], *, title: str
) -> Figures:
    """Measure every contestant in every round. The order of the contestants is reversed in every second round."""
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
    """Return the quantile `share` of the values (0.5 is the median), by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
