"""Caps above the run: the limits of a UTC day, of an employee and of an account, and what they have lent to runs.

A cap has a name: "day", "employee:<id>" or "account:<name>". A tranche is the part of a cap that a run holds. Its key
is the cap's name; a tranche of a day names the day: "day:2026-12-01".
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.errors import Invalid
from domain.ladder import DAY_US
from domain.lent import NOTHING_LENT, Lent
from domain.money import NOTHING, TOKENS_MAX, USD_MAX, Amount, checked

DAY = "day"
EMPLOYEE = "employee:"
ACCOUNT = "account:"
ORGANISATION_CAP = "organisation"
"""The name of the organisation's own budget in warnings."""
WARN_PERCENT = 80
"""A warning is due when this share of a limit is spent or reserved."""
NAME_CHARS_MAX = 200
TRANCHE_ATTEMPTS = 4
"""The number of attempts for which a tranche is enough, if the cap has much more left."""
TRANCHE_SHARE = 4
"""A tranche for more than one attempt takes at most one part in this many of what the cap has left."""


class Limit(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The most dollars and tokens of a cap. None: this part has no limit. 0 means stop."""

    usd: Decimal | None = None
    tokens: int | None = None

    @property
    def stops(self) -> bool:
        """Whether a part is 0."""
        return self.usd == 0 or self.tokens == 0

    def room(self, committed: Amount) -> Amount:
        """Return what the limit leaves; an unlimited part is the largest amount. It is negative if it is exceeded."""
        usd = USD_MAX if self.usd is None else self.usd - committed.usd
        return Amount(usd, TOKENS_MAX if self.tokens is None else self.tokens - committed.tokens)

    def spendable(self, committed: Amount) -> Amount:
        """Return what may still be committed. If the limit stops, nothing fits: not even an amount of 0."""
        return Amount(NOTHING.usd - 1, -1) if self.stops else self.room(committed)

    def is_near(self, committed: Amount) -> bool:
        """Return whether WARN_PERCENT of a part is spent or reserved."""
        parts = ((self.usd, committed.usd), (self.tokens, committed.tokens))
        return any(limit and part * 100 >= limit * WARN_PERCENT for limit, part in parts)


class Book(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The books of a cap: the tranches that it has lent, and the part of returned tranches that calls have spent."""

    lent: Lent = NOTHING_LENT
    spent: Amount = NOTHING

    @property
    def committed(self) -> Amount:
        return self.spent + self.lent.total


NO_BOOK = Book()


class ReturnedPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tranche that came back, except `kept`. `spent`: the part of it that calls have spent.

    `kept`: reserved by open attempts. `closed`: no new attempt draws on what is kept.
    """

    spent: Amount
    kept: Amount = NOTHING
    closed: bool = True


def limit_of(amount: Amount) -> Limit:
    """Return an amount as a limit of both parts."""
    return Limit(usd=amount.usd, tokens=amount.tokens)


def checked_limit(limit: Limit, name: str) -> Limit:
    """Return the limit unchanged. Raises Invalid if it has no part, or a part that cannot be counted."""
    if limit.usd is None and limit.tokens is None:
        raise Invalid(f"{name} has neither dollars nor tokens.", hint="Give --usd, --tokens, or both.")
    checked(Amount(limit.usd or Decimal(0), limit.tokens or 0), name)
    return limit


def checked_cap(cap: str) -> str:
    """Return the name of a cap unchanged. Raises Invalid if there is no such kind of cap."""
    name = cap.removeprefix(ACCOUNT) if cap.startswith(ACCOUNT) else ""
    if cap == DAY or _is_employee(cap) or (name == name.strip() and 0 < len(name) <= NAME_CHARS_MAX):
        return cap
    raise Invalid(
        f"{cap[:NAME_CHARS_MAX]!r} is not the name of a cap.",
        hint="Name day, employee:ID or account:NAME.",
    )


def _is_employee(cap: str) -> bool:
    if not cap.startswith(EMPLOYEE):
        return False
    try:
        return employee_cap(UUID(cap.removeprefix(EMPLOYEE))) == cap
    except ValueError:
        return False


def employee_cap(employee: UUID) -> str:
    """Return the name of the cap of an employee."""
    return f"{EMPLOYEE}{employee}"


def account_cap(account: str) -> str:
    """Return the name of the cap of an account."""
    return f"{ACCOUNT}{account}"


def day_key(at: int) -> str:
    """Return the key of the tranches of the UTC day of a time in microseconds, such as "day:2026-12-01"."""
    days = (
        at // DAY_US + 719_468
    )  # days since 0000-03-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms")
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    day_of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day, month = day_of_year - (153 * shifted + 2) // 5 + 1, shifted + 3 if shifted < 10 else shifted - 9
    return f"{DAY}:{year_of_era + era * 400 + (month <= 2):04}-{month:02}-{day:02}"


def is_of_day(key: str) -> bool:
    """Return whether a tranche is of a day."""
    return key.startswith(f"{DAY}:")


def cap_of(key: str) -> str:
    """Return the name of the cap of a tranche."""
    return DAY if is_of_day(key) else key


def keys_for(caps: Iterable[str], employee: UUID, account: str, at: int) -> tuple[str, ...]:
    """Return the keys of the tranches that an attempt needs: one of each cap that applies to it."""
    own = {employee_cap(employee), account_cap(account)}
    return tuple(day_key(at) if cap == DAY else cap for cap in caps if cap == DAY or cap in own)


def covers(key: str, employee: UUID, account: str) -> bool:
    """Return whether attempts of this employee with this account draw on the tranche."""
    return is_of_day(key) or key in (employee_cap(employee), account_cap(account))


def tranche_size(needed: Amount, lacking: Amount, room: Amount) -> Amount:
    """Return the size of a tranche: what is lacking, and more for further attempts if the cap has much left."""

    return Amount(
        max(lacking.usd, min(needed.usd * TRANCHE_ATTEMPTS, (room.usd / TRANCHE_SHARE).quantize(Decimal("0.000001")))),
        max(lacking.tokens, min(needed.tokens * TRANCHE_ATTEMPTS, room.tokens // TRANCHE_SHARE)),
    )


def after_loan(books: Mapping[str, Book], run: UUID, amounts: Mapping[str, Amount]) -> Mapping[str, Book]:
    """Return the books after a run has got tranches."""
    after = dict(books)
    for key, amount in amounts.items():
        book = after.get(key, NO_BOOK)
        held = book.lent.get(run, NOTHING)
        after[key] = msgspec.structs.replace(book, lent=book.lent.with_amount(run, held + amount))
    return _without_past_days(after)


def after_return(books: Mapping[str, Book], run: UUID, parts: Mapping[str, ReturnedPart]) -> Mapping[str, Book]:
    """Return the books after a run has given tranches back."""
    after = dict(books)
    for key, part in parts.items():
        book = after.get(key, NO_BOOK)
        lent = book.lent.with_amount(run, part.kept) if part.kept != NOTHING else book.lent.without(run)
        after[key] = Book(lent=lent, spent=book.spent + part.spent)
    return _without_past_days(after)


def after_removal(books: Mapping[str, Book], cap: str) -> Mapping[str, Book]:
    """Return the books after a cap was removed. If it is set again, it counts from 0."""
    rest = {key: Book(lent=book.lent) if cap_of(key) == cap else book for key, book in books.items()}
    return {key: book for key, book in rest.items() if cap_of(key) != cap or book.lent}


def _without_past_days(books: dict[str, Book]) -> Mapping[str, Book]:
    """Drop the books of days before the newest one, once everything has come back."""
    newest = max(filter(is_of_day, books), default="")
    return {key: book for key, book in books.items() if book.lent or not is_of_day(key) or key == newest}
