"""Servers that ask the client to wait, in all known forms."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.behaviours.model import NOTHING, Behaviour, error, sends
from tests.loopback import Reply, Seen

AHEAD_S = 6 * 3600
PASSED = 60.0  # that may pass between the server's reply and its reading


def waits(
    name: str, least: float, most: float, *, status: int = 429, message: str = "slow down", **headers: str
) -> Behaviour:
    outcome = "rate_limit" if status == 429 else "overloaded"
    return Behaviour(name, error(status, message, **headers), outcome, NOTHING, waits_s=(least, most))


def until(name: str, answer: Callable[[datetime, datetime], Reply], most: float) -> Behaviour:
    """Return a server that names a time. `answer` makes the reply from the present time and the named time."""

    async def reply(writer: Any, seen: Seen) -> None:
        now = datetime.now(UTC)
        await answer(now, now + timedelta(seconds=AHEAD_S))(writer, seen)

    return Behaviour(name, reply, "rate_limit", NOTHING, waits_s=(AHEAD_S - PASSED, most))


def waits_until(name: str, headers: Callable[[datetime, datetime], dict[str, str]], most: float) -> Behaviour:
    """Return a server that names a time in headers."""
    return until(name, lambda now, soon: error(429, "slow down", **headers(now, soon)), most)


def in_body(name: str, seconds: float, body: Any) -> Behaviour:
    return Behaviour(name, sends(429, body), "rate_limit", NOTHING, waits_s=(seconds, seconds))


def at_once(name: str, **headers: str) -> Behaviour:
    """Return a server whose wait cannot be read. The employee must not wait."""
    return Behaviour(name, error(429, "slow down", **headers), "rate_limit", NOTHING)


BEHAVIOURS = (
    waits("seconds", 7, 7, retry_after="7"),
    waits("a fraction", 1.5, 1.5, retry_after="1.5"),
    waits("milliseconds", 0.25, 0.25, retry_after_ms="250"),
    waits("milliseconds before seconds", 0.25, 0.25, retry_after_ms="250", retry_after="1"),
    waits("with a unit", 20, 20, retry_after="20s"),
    waits("with two units", 90.5, 90.5, retry_after="1m30.5s"),
    waits_until(
        "a date by the server's own clock",
        lambda now, soon: {
            "retry_after": format_datetime(soon, usegmt=True),
            "date": format_datetime(now, usegmt=True),
        },
        AHEAD_S,
    ),
    waits_until("a date", lambda _, soon: {"retry_after": format_datetime(soon, usegmt=True)}, AHEAD_S + 1),
    waits("a date that has passed", 0, 0, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    waits_until("a moment of RFC 3339", lambda _, soon: {"retry_after": soon.isoformat()}, AHEAD_S + 1),
    waits_until("a moment in seconds", lambda _, soon: {"retry_after": str(int(soon.timestamp()))}, AHEAD_S + 1),
    waits("after an error of the server", 11, 11, status=503, retry_after="11"),
    waits("the limit of requests", 1, 1, x_ratelimit_reset_requests="1s", x_ratelimit_remaining_requests="0"),
    waits(
        "of two limits the one that is used up",
        360,
        360,
        x_ratelimit_reset_requests="20ms",
        x_ratelimit_remaining_requests="59",
        x_ratelimit_reset_tokens="6m0s",
        x_ratelimit_remaining_tokens="0",
    ),
    waits("limits without a remainder", 0.02, 0.02, x_ratelimit_reset_requests="20ms", x_ratelimit_reset_tokens="6m0s"),
    waits_until(
        "a limit's moment in milliseconds",
        lambda _, soon: {"x_ratelimit_reset": str(int(soon.timestamp() * 1000))},
        AHEAD_S + 1,
    ),
    waits_until(
        "Anthropic's limit",
        lambda _, soon: {
            "anthropic_ratelimit_tokens_reset": soon.isoformat(),
            "anthropic_ratelimit_tokens_remaining": "0",
        },
        AHEAD_S + 1,
    ),
    waits("the standard's limit", 30, 30, ratelimit_reset="30", ratelimit_remaining="0"),
    waits("in the sentence", 20, 20, message="Rate limit reached for m. Limit: 3 / min. Please try again in 20s."),
    waits(
        "in the sentence, in two units", 61.5, 61.5, message="Rate limit reached. Please try again in 1m1.5s. Visit x."
    ),
    waits("in the sentence, in milliseconds", 0.35, 0.35, message="Rate limit reached. Please try again in 350ms."),
    waits("in the sentence, in words", 120, 120, message="Quota exceeded. Please retry after 2 minutes."),
    in_body(
        "Google's delay",
        34.0,
        {"error": {"code": 429, "message": "Quota exceeded", "details": [{"@type": "RetryInfo", "retryDelay": "34s"}]}},
    ),
    until(
        "a gateway's headers",
        lambda _, soon: sends(
            429,
            {
                "error": {
                    "message": "Rate limit exceeded",
                    "code": 429,
                    "metadata": {"headers": {"X-RateLimit-Reset": str(int(soon.timestamp() * 1000))}},
                }
            },
        ),
        AHEAD_S,
    ),
    in_body("a field", 3.0, {"error": {"message": "slow down", "retry_after": 3}}),
    at_once("a word", retry_after="soon"),
    at_once("below zero", retry_after="-5"),
    at_once("no number", retry_after="nan"),
    at_once("without end", retry_after="inf"),
    at_once("empty", retry_after=""),
)
