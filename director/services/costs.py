"""The service of `aura costs`: charges in groups, and their comparison with a provider's own usage file."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.cost_views import CHARGES, ChargeLine
from director.services.session import archive
from director.services.usage_file import Usage, read_usage
from director.settings import Settings
from domain.errors import Invalid
from domain.labels import check_labels

DIMENSIONS = ("run", "employee", "provider", "model", "account", "day", "price", "label")
LABEL_PREFIX = "label."
BY_RUN = ("run",)
_labels = msgspec.json.Decoder(dict[str, str])


class CostRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted groups and charges. Times are microseconds UTC; `until` is the first time that is left out.

    `by`: dimensions of the groups; `label.NAME` is the value of one label. `labels`: labels that a run must have.
    """

    by: tuple[str, ...] = BY_RUN
    since: int | None = None
    until: int | None = None
    labels: Mapping[str, str] = {}


class CostLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The charges of one group. A dimension that does not divide the groups is None.

    `account` is empty for calls whose employee names no account. `calls`: charged calls. The open calls of an attempt
    that was cut off count as one. `unpriced`: calls for which the provider named no cost. `estimated`: calls whose
    cost was computed from the bytes of prompt and answer.
    """

    usd: Decimal
    tokens: int
    input_tokens: int
    output_tokens: int
    calls: int
    cut_off: int
    unpriced: int
    estimated: int
    run: UUID | None = None
    title: str | None = None
    employee: UUID | None = None
    name: str | None = None
    provider: str | None = None
    model: str | None = None
    account: str | None = None
    day: str | None = None
    price: str | None = None
    labels: Mapping[str, str] = {}


class UsageDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One day and model. `ours` and `theirs` are None if the record or the file has nothing for it.

    `differs`: tokens differ, or the costs differ by a cent or more. Values that the file lacks are not compared.
    """

    day: str
    model: str
    ours: Usage | None
    theirs: Usage | None
    differs: bool


def dimensions_of(text: str) -> tuple[str, ...]:
    """Parse a list of dimensions, separated by commas. Raises Invalid."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in DIMENSIONS and not name.startswith(LABEL_PREFIX):
            raise Invalid(
                f"Costs cannot be grouped by {name!r}.",
                hint=f"Use {', '.join(DIMENSIONS)}, or label.NAME for one label, separated by commas.",
            )
    if not names:
        raise Invalid("No dimension is given.", hint="For example: --by run,model")
    return names


def labels_of(pairs: Sequence[str]) -> dict[str, str]:
    """Parse labels of the form NAME=VALUE. Raises Invalid."""
    labels: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name in labels:
            raise Invalid(
                f"{pair!r} is not a new label.", hint="Write NAME=VALUE, and each name once: --label team=web"
            )
        labels[name] = value
    check_labels(labels)
    return labels


async def costs(settings: Settings, request: CostRequest = CostRequest()) -> list[CostLine]:  # noqa: B008  # frozen
    """Return the cost of each group. The newest days and runs come first, then the most expensive groups."""
    async with archive(settings) as store:
        return await costs_in(store, request)


async def costs_in(store: Store, request: CostRequest) -> list[CostLine]:
    """Return the cost of each group, as `costs` does, from an open store."""
    named = [name.removeprefix(LABEL_PREFIX) for name in request.by if name.startswith(LABEL_PREFIX)]
    wanted = msgspec.json.encode(dict(request.labels)).decode()
    lines = await CHARGES.read(store, request.since, request.until, wanted, list(request.by), named)
    return [_line(line) for line in lines]


def _line(line: ChargeLine) -> CostLine:
    values = msgspec.structs.asdict(line)
    values["labels"] = _labels.decode(line.labels)
    return CostLine(**values)


async def compare_usage(settings: Settings, content: bytes, request: CostRequest) -> list[UsageDifference]:
    """Compare the record with a provider's usage file, for each day and model. Raises Invalid for the file.

    Only the days of the file, and only models that it names, are compared.
    """
    theirs = read_usage(content)
    days, models = {day for day, _ in theirs}, {model for _, model in theirs}
    lines = await costs(settings, msgspec.structs.replace(request, by=("day", "model")))
    ours = {
        (str(line.day), str(line.model)): Usage(
            input_tokens=line.input_tokens, output_tokens=line.output_tokens, usd=line.usd
        )
        for line in lines
        if line.day in days and line.model in models
    }
    return [
        UsageDifference(
            day=day,
            model=model,
            ours=(own := ours.get((day, model))),
            theirs=(other := theirs.get((day, model))),
            differs=own is None or other is None or other.differs(own),
        )
        for day, model in sorted({*ours, *theirs}, reverse=True)
    ]
