"""The time that a server asks the client to wait, in seconds. Servers state it in many forms."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

EPOCH_S_MIN = 10**9  # a number from this value on is a Unix time, not a duration
EPOCH_MS_MIN = 10**11
BODY_CHARS_MAX = 16 * 1024
BUCKETS = ("requests", "tokens", "input-tokens", "output-tokens")
_PREFIXES = ("x-ratelimit", "anthropic-ratelimit", "ratelimit")
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WORDS = {"second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "hr": "h", "day": "d", "millisecond": "ms"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_SAID = re.compile(
    r"(?:try again|retry|retry after|wait|available|reset)[^.\d]{0,30}((?:\d+(?:\.\d+)?\s?(?:ms|milliseconds?|"
    r"s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)(?![a-z])\s?)+)"
)


def retry_after_s(headers: Mapping[str, str], body: str, *, now: datetime) -> float | None:
    """Return the wait that a server asks for, or None if no wait is found. `headers`: names in lower case.

    Headers have priority over the body. Retry headers have priority over rate limit headers.
    """
    asked = _server_date(headers) or now
    waits = (
        _milliseconds(headers.get("retry-after-ms")),
        _wait(headers.get("retry-after"), asked),
        _wait(headers.get("x-retry-after"), asked),
        _of_limits(headers, asked),
        *_in_body(body[:BODY_CHARS_MAX], asked),
    )
    return next((wait for wait in waits if wait is not None), None)


def _server_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the time of the server's own clock, because its dates refer to that clock."""
    return _http_date(headers.get("date", ""))


def _milliseconds(text: str | None) -> float | None:
    seconds = _number(text)
    return seconds / 1000 if seconds is not None else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _wait(text: str | None, now: datetime) -> float | None:
    """Parse seconds, a point in time (HTTP date, RFC 3339, Unix time in s or ms) or a duration such as `1m30.5s`."""
    if not text or not text.strip():
        return None
    text = text.strip()
    number = _number(text)
    if number is not None:
        if number >= EPOCH_MS_MIN:
            number /= 1000
        return max(0.0, number - now.timestamp()) if number >= EPOCH_S_MIN else number
    moment = _http_date(text) or _iso_date(text)
    if moment is not None:
        return max(0.0, (moment - now).total_seconds())
    return _duration(text)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso_date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(text: str) -> float | None:
    """Parse a duration such as `6m0s`, `350ms` or `1 minute 20 seconds`. Return None for anything else."""
    parts = _PART.findall(text.lower())
    if not parts or _PART.sub("", text.lower()).strip(" ,.") != "":
        return None
    total = 0.0
    for amount, unit in parts:
        name = unit if unit in _UNITS else _WORDS.get(unit.removesuffix("s"), "?")
        if name not in _UNITS:
            return None
        total += float(amount) * _UNITS[name]
    return round(total, 3)


def _of_limits(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the longest wait until a used-up limit is reset. If no limit is used up, return the shortest wait."""
    used_up: list[float] = []
    others: list[float] = []
    for reset, remaining in _limits(headers):
        wait = _wait(reset, now)
        if wait is not None:
            (used_up if _number(remaining) == 0 else others).append(wait)
    return max(used_up) if used_up else min(others, default=None)


def _limits(headers: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield (reset, remaining) of each limit that the headers name."""
    for prefix in _PREFIXES:
        if reset := headers.get(f"{prefix}-reset"):
            yield reset, headers.get(f"{prefix}-remaining")
        for bucket in BUCKETS:
            for name, left in ((f"reset-{bucket}", f"remaining-{bucket}"), (f"{bucket}-reset", f"{bucket}-remaining")):
                if reset := headers.get(f"{prefix}-{name}"):
                    yield reset, headers.get(f"{prefix}-{left}")


def _in_body(body: str, now: datetime) -> Iterator[float | None]:
    """Yield the waits in the body: in JSON (Google's retryDelay, OpenRouter's headers) and in a sentence."""
    try:
        for key, value in _pairs(json.loads(body), 0):
            if key in ("retrydelay", "retry_after", "retry-after", "x-ratelimit-reset", "retry_after_seconds"):
                yield _wait(str(value), now)
            elif key == "retry_after_ms":
                yield _milliseconds(str(value))
    except (ValueError, RecursionError):
        pass
    sentence = _SAID.search(body.lower())
    yield _duration(sentence.group(1)) if sentence else None


def _pairs(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > 8:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield from _pairs(item, depth + 1)
            else:
                yield key.lower(), item
    elif isinstance(value, list):
        for item in value:
            yield from _pairs(item, depth + 1)
