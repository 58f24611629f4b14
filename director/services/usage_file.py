"""Reads a provider's usage file: CSV with a row per day and model, as OpenAI's and Anthropic's consoles export it."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from domain.errors import Invalid

CENT = Decimal("0.01")
_DAY = ("date", "day", "start_time_iso", "start_time", "usage_date_utc")
_MODEL = ("model", "model_version", "line_item")
_INPUT = (
    *("input_tokens", "prompt_tokens", "usage_input_tokens_no_cache", "usage_input_tokens_cache_read"),
    *("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"),
)
_OUTPUT = ("output_tokens", "completion_tokens", "usage_output_tokens")
_USD = ("cost_usd", "usd", "cost", "amount_value", "amount")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and cost of one day and model. A value is None if the file does not have it."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: Decimal | None = None

    def differs(self, own: "Usage") -> bool:
        """Return whether the record differs from this usage. Costs are equal if they differ by less than a cent."""
        pairs = ((self.input_tokens, own.input_tokens), (self.output_tokens, own.output_tokens))
        if any(theirs is not None and theirs != ours for theirs, ours in pairs):
            return True
        return self.usd is not None and own.usd is not None and abs(self.usd - own.usd) >= CENT

    def plus(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            usd=None
            if self.usd is None and other.usd is None
            else (self.usd or Decimal(0)) + (other.usd or Decimal(0)),
        )


def read_usage(content: bytes) -> dict[tuple[str, str], Usage]:
    """Parse a usage file. Return a map from (day, model) to the usage. Raises Invalid with the line of a mistake."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The usage file is not UTF-8 text.", hint="Export it as CSV.") from error
    reader = csv.DictReader(io.StringIO(text))
    columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
    day, model = _only(columns, _DAY, "a day"), _only(columns, _MODEL, "a model")
    inputs, outputs = [[columns[name] for name in names if name in columns] for names in (_INPUT, _OUTPUT)]
    usd = next((columns[name] for name in _USD if name in columns), None)
    if not inputs and not outputs and usd is None:
        raise Invalid(
            "The usage file has neither a column of tokens nor of costs.",
            hint=f"Its header must name one of: {', '.join((*_INPUT, *_OUTPUT, *_USD))}",
        )
    usage: dict[tuple[str, str], Usage] = {}
    for row in reader:
        line = reader.line_num
        key = (_day(row[day] or "", line), (row[model] or "").strip())
        found = Usage(
            input_tokens=sum(_number(row[name], line) for name in inputs) if inputs else None,
            output_tokens=sum(_number(row[name], line) for name in outputs) if outputs else None,
            usd=_amount(row[usd], line) if usd is not None else None,
        )
        usage[key] = usage[key].plus(found) if key in usage else found
    return usage


def _only(columns: dict[str, str], names: tuple[str, ...], what: str) -> str:
    for name in names:
        if name in columns:
            return columns[name]
    raise Invalid(f"The usage file has no column with {what}.", hint=f"Its header must name one of: {', '.join(names)}")


def _day(text: str, line: int) -> str:
    """Return the UTC day of a date, a time or a number of seconds since 1970."""
    try:
        if text.strip().isdigit():
            return datetime.fromtimestamp(int(text), UTC).date().isoformat()
        moment = datetime.fromisoformat(text.strip())
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date().isoformat()
    except (ValueError, OverflowError, OSError):
        raise Invalid(f"Line {line} has no day, but {text!r}.", hint="Write 2026-01-31.") from None


def _number(text: str | None, line: int) -> int:
    try:
        return int((text or "0").strip() or 0)
    except ValueError:
        raise Invalid(f"Line {line} has {text!r} where a number of tokens is expected.", hint="Write 1200.") from None


def _amount(text: str | None, line: int) -> Decimal:
    try:
        amount = Decimal((text or "0").strip().lstrip("$") or 0)
    except InvalidOperation:
        raise Invalid(f"Line {line} has {text!r} where an amount in USD is expected.", hint="Write 0.12.") from None
    if not amount.is_finite():
        raise Invalid(f"Line {line} has {text!r} where an amount in USD is expected.", hint="Write 0.12.")
    return amount


def _sum(left: int | None, right: int | None) -> int | None:
    return None if left is None and right is None else (left or 0) + (right or 0)
