"""The messages of the ACP client against the models of the protocol's own library (agent-client-protocol of PyPI)."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acp_agents import play
from verification.in_box.acp_client import LIMITS, run

pytestmark = [pytest.mark.slow, pytest.mark.ci]
AGENT = """
# A double of a coding agent, built on the protocol's own library. It has no model.
import asyncio, acp
from acp.schema import PermissionOption, ToolCallUpdate
class Double:
    def on_connect(self, client):
        self.client = client
    async def initialize(self, protocol_version, client_capabilities=None, client_info=None, **others):
        self.offered = client_capabilities
        return acp.InitializeResponse(protocol_version=protocol_version)
    async def new_session(self, cwd, mcp_servers, **others):
        assert mcp_servers == []
        return acp.NewSessionResponse(session_id="s1")
    async def prompt(self, session_id, prompt, **others):
        client, fs = self.client, self.offered.fs
        text = f"{prompt[0].text} {fs.read_text_file} {fs.write_text_file} {self.offered.terminal}"
        await client.session_update(session_id=session_id, update=acp.update_agent_message_text(text))
        options = [PermissionOption(option_id=kind, name=kind, kind=kind) for kind in ("allow_always", "allow_once")]
        call = ToolCallUpdate(tool_call_id="t1", title="write", kind="edit")
        given = await client.request_permission(session_id=session_id, tool_call=call, options=options)
        try:
            await client.write_text_file(session_id=session_id, path="/work/x", content="x")
        except acp.RequestError as error:
            text = f"{given.outcome.option_id}; {error.code}: {error}"
            await client.session_update(session_id=session_id, update=acp.update_agent_thought_text(text))
        return acp.PromptResponse(stop_reason="end_turn")
asyncio.run(acp.run_agent(Double()))
"""


@pytest.fixture(scope="module")
def schema() -> Any:
    """Return the models. Their import takes a second, so it is not done at the collection of tests."""
    return pytest.importorskip("acp.schema", reason="agent-client-protocol is not installed: run `make check`")


def same(model: Any, message: dict[str, Any]) -> bool:
    """Return whether a model takes a message and loses nothing of it. The models repair some wrong values silently."""
    read = model.model_validate(message)
    return bool(read.model_dump(by_alias=True, exclude_unset=True, mode="json") == message)


async def test_each_message_is_one_of_the_protocol(tmp_path: Path, schema: Any) -> None:
    code = "prompt = begin(); may(); may('fetch'); may('fetch', ()); end(prompt)"
    heard = (await play(tmp_path, code)).heard
    models = [schema.InitializeRequest, schema.NewSessionRequest, schema.PromptRequest]
    for model, message in zip(models, heard, strict=False):
        assert (message["jsonrpc"], set(message)) == ("2.0", {"jsonrpc", "id", "method", "params"})
        assert same(model, message["params"]), message
    assert len(heard) == 6
    for message in heard[3:]:
        assert (message["jsonrpc"], message["id"]) == ("2.0", "agent-1")
        assert same(schema.RequestPermissionResponse, message["result"]), message


def test_a_wrong_message_is_noticed(schema: Any) -> None:
    """The control of the comparison."""
    fs = {"readTextFile": 5, "writeTextFile": False}
    assert not same(schema.InitializeRequest, {"protocolVersion": 1, "clientCapabilities": {"fs": fs}})
    assert not same(schema.InitializeRequest, {"protocolVersion": 1, "capabilities": {}})
    with pytest.raises(ValueError, match="outcome"):
        same(schema.RequestPermissionResponse, {"outcome": {"outcome": "allowed"}})


async def test_an_agent_of_the_protocols_library_completes_a_turn(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    lines: list[str] = []
    argv = (sys.executable, "-B", str(tmp_path / "agent.py"))
    assert await run(argv, "Do it.", lines.append, folder=str(tmp_path), limits=LIMITS) == 0, lines
    assert lines == [
        '{"kind": "message", "text": "Do it. False False False"}',
        '{"kind": "permission", "title": "write", "answer": "allow_once"}',
        '{"kind": "refused", "method": "fs/write_text_file"}',
        '{"kind": "thought", "text": "allow_once; -32601: fs/write_text_file is not offered: use your own tools."}',
        '{"kind": "end", "status": 0, "text": "The agent has ended its turn."}',
    ]
