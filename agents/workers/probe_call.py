"""The call of a probe: one small call with its price. It offers one trivial tool: does the server accept tools?"""

from decimal import Decimal
from typing import Literal

import msgspec

from agents.cli_agents.employee import AgentEmployee
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, ModelResult
from agents.employees.conversation import CallRequest, Message, Model, Tool
from agents.employees.model_employee import ModelEmployee

OUTPUT_TOKENS_MAX = 64
"""Limit of output tokens that is enough for a tool call. A probe without a tool has its provider's own limit."""
WALL_S = 30.0
TOOL = Tool(
    name="report_ready",
    description="Report that you are ready.",
    parameters={"type": "object", "properties": {}, "additionalProperties": False},
)
_MAY_MEAN_TOOLS = frozenset({"bad_request", "not_found", "unknown_model"})
"""Kinds of refusal that servers use for a request with tools, if the model has none."""
Tools = Literal["yes", "no", "unknown"]


class ProbeCall(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a probe's call. `tools`: whether the server accepts native tool calls for this model.

    `cost_usd` None: the price is not known. `estimated`: the server did not report the tokens.
    """

    seconds: float
    tokens: int | None
    cost_usd: Decimal | None
    cost_source: str | None
    estimated: bool
    tools: Tools


async def probe_call(employee: Employee) -> ProbeCall:
    """Make the call. If the server refuses the tool, one more call without it shows whether the employee can work.

    For a coding agent, its program must be installed, and its model is called without the agent.

    :raises CallFailed: with the kind of failure.
    """
    if isinstance(employee, AgentEmployee):
        return await probe_call(employee.with_program())
    if not isinstance(employee, ModelEmployee) or employee.scripted:
        return _call(await employee.probe(), "unknown")
    if not employee.model.has_tools:
        return _call(await employee.probe(), "no")
    try:
        return _call(await _with_tool(employee.model), "yes")
    except CallFailed as failure:
        if failure.failure not in _MAY_MEAN_TOOLS and "tool" not in failure.message.lower():
            raise
    return _call(await employee.probe(), "no")


async def _with_tool(model: Model) -> ModelResult:
    """Offer the tool. An answer without a text, because its thinking used up the limit, is an answer, too."""
    message = Message(role="user", text="Answer with the one word: ready")
    request = CallRequest(messages=(message,), tools=(TOOL,), output_tokens_max=OUTPUT_TOKENS_MAX, wall_s=WALL_S)
    try:
        return await model.complete(request)
    except CallFailed as failure:
        if failure.failure == "truncated" and failure.result is not None and failure.result.reasoning_tokens:
            return failure.result
        raise


def _call(result: ModelResult, tools: Tools) -> ProbeCall:
    return ProbeCall(
        seconds=result.latency_s,
        tokens=result.tokens,
        cost_usd=result.cost,
        cost_source=result.cost_source,
        estimated=result.estimated,
        tools=tools,
    )
