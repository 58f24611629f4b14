"""The recorded results of the last complete run of the zoo: tests/cheats/results.json."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.cheats.corpus.all import CHEATS
from tests.cheats.honest.all import STYLES
from tests.cheats.on_base.all import BASE_CHEATS
from tests.cheats.on_base.cheat import BaseCheat
from tests.cheats.on_base.rounds import BaseFate
from tests.cheats.rounds import Fate, Refused
from tests.cheats.tasks.all import TASKS

RECORDED = Path(__file__).with_name("results.json")


class Row(msgspec.Struct, frozen=True):
    """One cheat: the tasks at which it was tried, the tasks at which it was accepted, and all findings about it."""

    tasks: list[str]
    aura: list[str]  # accepted by the judge
    naive: list[str]  # accepted by the naive gate
    kinds: list[str]


class Round(msgspec.Struct, frozen=True):
    """One round of honest deliveries."""

    seed: int
    deliveries: int
    whole: int  # of them with all gates
    refused: list[str]


class BaseRow(msgspec.Struct, frozen=True):
    """One cheat against a base: whether judge and naive gate accepted it, and the findings of cheat and control."""

    aura: bool
    naive: bool | None  # None: there is no tree that it could be asked about
    kinds: list[str]
    control: list[str]  # findings; none if the control was accepted


class OnBase(msgspec.Struct, frozen=True):
    """The last run of the cheats against a base. It may be another run than that of the other cheats."""

    date: str
    sandbox: str
    seed: int
    cheats: dict[str, BaseRow]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    date: str
    sandbox: str
    seed: int  # of the cheats
    styles: list[str]
    cheats: dict[str, Row]
    honest: list[Round]
    on_base: OnBase


_decoder = msgspec.json.Decoder(Results)


def read() -> Results:
    return _decoder.decode(RECORDED.read_bytes())


def write(results: Results) -> None:
    text = msgspec.json.format(msgspec.json.encode(results), indent=1).decode()
    RECORDED.write_text(text + "\n", encoding="utf-8")


def rows(fates: list[Fate]) -> dict[str, Row]:
    """Return cheat -> row."""
    made: dict[str, Row] = {}
    for name in CHEATS:
        mine = [fate for fate in fates if fate.cheat == name]
        made[name] = Row(
            tasks=[fate.task for fate in mine],
            aura=[fate.task for fate in mine if fate.verified],
            naive=[fate.task for fate in mine if fate.naive],
            kinds=sorted({kind for fate in mine for kind in fate.kinds}),
        )
    return made


def base_rows(fates: Iterable[tuple[BaseCheat, BaseFate]]) -> dict[str, BaseRow]:
    """Return cheat against a base -> row."""
    return {
        cheat.name: BaseRow(
            aura=fate.refused.verified,
            naive=fate.refused.naive,
            kinds=list(fate.refused.kinds),
            control=[] if fate.control.verified else list(fate.control.kinds or ("not verified",)),
        )
        for cheat, fate in fates
    }


def round_of(seed: int, deliveries: int, whole: int, refused: list[Refused]) -> Round:
    told = [f"{each.style} at {each.task}: {each.findings}" for each in refused]
    return Round(seed=seed, deliveries=deliveries, whole=whole, refused=told)


def difference(results: Results) -> list[str]:
    """Name the differences between the present corpus and the recorded results."""
    found: list[str] = []
    for what, here, there in (
        ("cheat", set(CHEATS), set(results.cheats)),
        ("style", set(STYLES), set(results.styles)),
        ("cheat against a base", set(BASE_CHEATS), set(results.on_base.cheats)),
    ):
        found += [f"{what} {name} was not run" for name in sorted(here - there)]
        found += [f"{what} {name} is no more" for name in sorted(there - here)]
    for name in set(CHEATS) & set(results.cheats):
        fitting = {task for task in TASKS if not CHEATS[name].tasks or task in CHEATS[name].tasks}
        if fitting != set(results.cheats[name].tasks):
            found.append(f"cheat {name} was run at other tasks")
    for name in set(BASE_CHEATS) & set(results.on_base.cheats):
        if BASE_CHEATS[name].finding not in results.on_base.cheats[name].kinds:
            found.append(f"cheat against a base {name} was told by another finding")
    return found
