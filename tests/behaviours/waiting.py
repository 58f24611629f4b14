"""Servers that ask to wait, in all the forms in which they do."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.behaviours.model import NOTHING, Behaviour, error, sends

NOW = datetime.now(UTC)
AHEAD_S = 6 * 3600
SOON = NOW + timedelta(seconds=AHEAD_S)


def waits(
    name: str, least: float, most: float, *, status: int = 429, message: str = "slow down", **headers: str
) -> Behaviour:
    outcome = "rate_limit" if status == 429 else "overloaded"
    return Behaviour(name, error(status, message, **headers), outcome, NOTHING, waits_s=(least, most))


def in_body(name: str, seconds: float, body: Any, tolerance_s: float = 0.0) -> Behaviour:
    return Behaviour(name, sends(429, body), "rate_limit", NOTHING, waits_s=(seconds - tolerance_s, seconds))


def at_once(name: str, **headers: str) -> Behaviour:
    """What cannot be read is no wait."""
    return Behaviour(name, error(429, "slow down", **headers), "rate_limit", NOTHING)


PASSED = 3600.0  # that may pass between the making of this table and the reply: a whole run of the tests
BEHAVIOURS = (
    waits("seconds", 7, 7, retry_after="7"),
    waits("a fraction", 1.5, 1.5, retry_after="1.5"),
    waits("milliseconds", 0.25, 0.25, retry_after_ms="250"),
    waits("milliseconds before seconds", 0.25, 0.25, retry_after_ms="250", retry_after="1"),
    waits("with a unit", 20, 20, retry_after="20s"),
    waits("with two units", 90.5, 90.5, retry_after="1m30.5s"),
    waits(
        "a date by the server's own clock",
        AHEAD_S,
        AHEAD_S,
        retry_after=format_datetime(SOON, usegmt=True),
        date=format_datetime(NOW, usegmt=True),
    ),
    waits("a date", AHEAD_S - PASSED, AHEAD_S + 1, retry_after=format_datetime(SOON, usegmt=True)),
    waits("a date that has passed", 0, 0, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    waits("a moment of RFC 3339", AHEAD_S - PASSED, AHEAD_S + 1, retry_after=SOON.isoformat()),
    waits("a moment in seconds", AHEAD_S - PASSED, AHEAD_S + 1, retry_after=str(int(SOON.timestamp()))),
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
    waits(
        "a limit's moment in milliseconds",
        AHEAD_S - PASSED,
        AHEAD_S + 1,
        x_ratelimit_reset=str(int(SOON.timestamp() * 1000)),
    ),
    waits(
        "Anthropic's limit",
        AHEAD_S - PASSED,
        AHEAD_S + 1,
        anthropic_ratelimit_tokens_reset=SOON.isoformat(),
        anthropic_ratelimit_tokens_remaining="0",
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
    in_body(
        "a gateway's headers",
        AHEAD_S,
        {
            "error": {
                "message": "Rate limit exceeded",
                "code": 429,
                "metadata": {"headers": {"X-RateLimit-Reset": str(int(SOON.timestamp() * 1000))}},
            }
        },
        PASSED,
    ),
    in_body("a field", 3.0, {"error": {"message": "slow down", "retry_after": 3}}),
    at_once("a word", retry_after="soon"),
    at_once("below zero", retry_after="-5"),
    at_once("no number", retry_after="nan"),
    at_once("without end", retry_after="inf"),
    at_once("empty", retry_after=""),
)
