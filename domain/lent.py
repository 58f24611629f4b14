"""The budgets that runs have reserved from the organisation. A change costs the same with any number of runs.

Each change returns a new object and leaves the old one as it is. Both share all parts that did not change.
"""

from collections.abc import Iterator, Mapping
from uuid import UUID

from domain.money import NOTHING, Amount

BUCKETS = 128
"""Number of parts. A change copies one part and the list of parts."""
_Bucket = dict[int, tuple[UUID, Amount]]
_EMPTY: _Bucket = {}


class Lent(Mapping[UUID, Amount]):
    """Map from run to its reserved budget. `total`: the sum of all."""

    __slots__ = ("_buckets", "total")

    def __init__(self, amounts: Mapping[UUID, Amount] | None = None, *, total: Amount | None = None) -> None:
        """`total`: the sum if it is known. It can have more decimal places than a new sum, which are stored."""
        buckets: list[_Bucket] = [_EMPTY] * BUCKETS
        summed = NOTHING
        for run, amount in (amounts or {}).items():
            place = run.int % BUCKETS
            buckets[place] = {**buckets[place], run.int: (run, amount)}
            summed = summed + amount
        self._buckets = tuple(buckets)
        self.total = summed if total is None else total

    def __getitem__(self, run: UUID) -> Amount:
        return self._buckets[run.int % BUCKETS][run.int][1]

    def __contains__(self, run: object) -> bool:
        return isinstance(run, UUID) and run.int in self._buckets[run.int % BUCKETS]

    def __iter__(self) -> Iterator[UUID]:
        return (run for bucket in self._buckets for run, _ in bucket.values())

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Lent):
            return self.total == other.total and self._buckets == other._buckets
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # like a dict

    def __repr__(self) -> str:
        return f"Lent({dict(self)!r})"

    def with_amount(self, run: UUID, amount: Amount) -> "Lent":
        """Return the map after a run has reserved a budget."""
        bucket = self._buckets[run.int % BUCKETS]
        before = bucket[run.int][1] if run.int in bucket else NOTHING
        return self._with(run, {**bucket, run.int: (run, amount)}, self.total + amount - before)

    def without(self, run: UUID) -> "Lent":
        """Return the map without a run."""
        bucket = self._buckets[run.int % BUCKETS]
        if run.int not in bucket:
            return self
        rest = dict(bucket)
        _, amount = rest.pop(run.int)
        return self._with(run, rest, self.total - amount)

    def _with(self, run: UUID, bucket: _Bucket, total: Amount) -> "Lent":
        place = run.int % BUCKETS
        after = Lent.__new__(Lent)
        after._buckets = (*self._buckets[:place], bucket, *self._buckets[place + 1 :])
        after.total = total
        return after


NOTHING_LENT = Lent()
