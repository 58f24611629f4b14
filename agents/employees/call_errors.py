"""Failures of a call to a model: one list of kinds for every provider. Each kind has a hint for the user."""

from collections.abc import Mapping
from typing import Literal, get_args

from agents.employees.contract import ModelResult
from domain.errors import AuraError

CallFailure = Literal[
    "auth",
    "bad_request",
    "bad_settings",
    "blocked",
    "cancelled",
    "connection",
    "context_overflow",
    "defect",
    "empty",
    "forbidden",
    "malformed_response",
    "moved",
    "not_found",
    "overloaded",
    "payment",
    "prompt_too_large",
    "rate_limit",
    "region",
    "request_too_large",
    "timeout",
    "tls",
    "too_large",
    "truncated",
    "unknown_model",
]
CALL_FAILURES: tuple[CallFailure, ...] = get_args(CallFailure)
MESSAGE_CHARS_MAX = 300  # limit for a provider's message; more text may repeat the prompt
HINTS: Mapping[CallFailure, str] = {
    "auth": "Check the key in the variable that `aura hire --key-env` names. Then run `aura up` with a valid key.",
    "bad_request": "This server does not accept the request: try `aura hire --style chat`, or another server.",
    "bad_settings": "Correct the employee's settings with `aura hire NAME --update`: `aura hire --help` shows them.",
    "blocked": "The provider refuses this prompt: reword the task, or hire another employee.",
    "cancelled": "The call was cancelled from outside. The manager orders the call again if it is still needed.",
    "connection": "Check that the model server runs, that `aura hire --base-url` names it, and that any proxy works.",
    "context_overflow": "Split the task, or hire a model with a larger context.",
    "defect": "This is a fault of Aura Orchestra. Please report it with the last lines of the process's log.",
    "empty": "No action is needed: the task is tried again. If it happens often, hire another model.",
    "forbidden": "Give this key the right to use the model at the provider, or use another key.",
    "malformed_response": "Check that `aura hire --base-url` names an OpenAI-compatible server, not a web page.",
    "moved": "Give the employee the new address: `aura hire NAME --update --base-url`.",
    "not_found": "Check the path in `aura hire --base-url`: most servers need an address that ends with /v1.",
    "overloaded": "The server has an error: the employee rests, then the task is tried again.",
    "payment": "Pay or raise the limit at the provider, or hire an employee of another provider.",
    "prompt_too_large": "Split the task or narrow its scope, or raise `aura hire --prompt-tokens`.",
    "rate_limit": "The employee rests for the time that its server states. `aura hire --slots` limits calls at a time.",
    "region": "The provider does not serve this country: hire an employee of another provider.",
    "request_too_large": "Split the task or narrow its scope, or hire a model that accepts longer prompts.",
    "timeout": "Raise `aura hire --wall-s`, or hire a faster model.",
    "tls": "Check the server's certificate. For a certificate authority of your own, set SSL_CERT_FILE to its file.",
    "too_large": "Split the task, so that each answer is smaller.",
    "truncated": "Raise `aura hire --output-tokens`, or split the task.",
    "unknown_model": "Check the name in `aura hire --model`: `aura hire --discover URL` lists the models of a server.",
}
"""Failure kind -> hint for the user. A test checks that every command, option and variable in these hints exists."""
ATTEMPT_HINTS: Mapping[str, str] = {
    "agent_failed": "See the calls of the coding agent with `aura run show --attempt`. The task is tried again.",
    "bad_hand_in": "See the last steps of the session with `aura run show --attempt`. The task is tried again.",
    "box_ended": "A command used more than the limits of a session's box. The task is tried again.",
    "calls_used_up": "Raise `aura hire --session-calls`, or split the task.",
    "lease_ended": "Raise `aura hire --session-minutes` or the minutes of the run, or split the task.",
    "libraries": "Check that the worker's machine reaches the package index: `aura doctor`.",
    "no_box": "Check the sandbox of the worker's machine: `aura doctor`, and `aura sandbox accept --help`.",
    "reservation_used_up": "Raise `aura hire --session-usd` or `--session-tokens`, or the budget of the run.",
    "stuck": "No action is needed: the task is tried again. If it happens often, hire another model.",
    "working_copy": "See the log of the worker: `aura logs`. The task is given out again.",
}
"""Outcome of an attempt that is not a failed call -> hint for the user."""
COSTS_NOTHING: frozenset[CallFailure] = frozenset(
    {
        "auth",
        "bad_request",
        "bad_settings",
        "context_overflow",
        "forbidden",
        "moved",
        "not_found",
        "overloaded",
        "payment",
        "prompt_too_large",
        "rate_limit",
        "region",
        "request_too_large",
        "tls",
        "unknown_model",
    }
)
"""Kinds of failure that occur before the provider computes anything. Other failures may have cost the reserved
amount.
"""


def hint_of(outcome: str) -> str:
    """Return the hint for an outcome, or an empty text if the outcome is not a failure."""
    known: str | None = HINTS.get(outcome)  # type: ignore[call-overload]  # a stored outcome may be any text
    return known or ATTEMPT_HINTS.get(outcome, "")


class CallFailed(AuraError):
    """A call to a model ended without a usable answer. `failure`: the kind of failure. `input_tokens` and
    `output_tokens`: the tokens that are known as spent.

    `costs_nothing`: the provider computed nothing. The default depends on the kind of failure.
    """

    def __init__(
        self,
        failure: CallFailure,
        message: str,
        *,
        retry_after_s: float | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        status: int | None = None,
        request_id: str | None = None,
        result: ModelResult | None = None,
        costs_nothing: bool | None = None,
        adaptations: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint=HINTS[failure], code=failure)
        self.failure: CallFailure = failure
        self.retry_after_s = retry_after_s
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.status = status
        self.request_id = request_id
        self.result = result  # the snapshot, if the server answered
        self.costs_nothing = failure in COSTS_NOTHING if costs_nothing is None else costs_nothing
        self.adaptations = adaptations  # adaptations of the failed request
