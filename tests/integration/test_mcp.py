"""The MCP server: the official client lists and calls every tool, over stdio and over HTTP, on one organisation."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent, TextResourceContents

from director.mcp.registry import BY_NAME, TOOLS
from director.services import people
from director.services.session import in_time
from domain.organisation import Resume
from domain.user import USER_ROLES
from governance.user_rights import TOKEN_SCOPES
from tests.integration.house import House, Sample, at
from tests.integration.mcp_site import McpSite, data_of, error_of, mcp_site
from tests.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow, pytest.mark.ci]
STAFF = ("recorder", "manager", "auditor", "accountant", "hr", "employees")


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[McpSite]:
    async with mcp_site(house, monkeypatch, *STAFF) as made:
        yield made


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_every_tool_resource_and_prompt_is_listed_and_called(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str
) -> None:
    """The director submits, and the approver approves."""
    sample = Sample(1)
    await house.hire("worker", {task: [sample.right(task)] for task in sample.numbers})
    async with mcp_site(house, monkeypatch, *STAFF, "verifier") as site:
        director = await site.token("director", *TOKEN_SCOPES)
        async with door(site, transport, director) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == list(BY_NAME)
            run = await every_tool(site, client, sample, tmp_path, local=transport == "stdio")
            await every_text(client, run)
        principals = {each.envelope.role for each in await house.log() if each.envelope.type == "run.approved"}
        assert principals == {"user"}


def door(site: McpSite, transport: str, token: str) -> AbstractAsyncContextManager[Client]:
    return site.at_stdio(token) if transport == "stdio" else site.over_http(token)


async def every_tool(site: McpSite, client: Client, sample: Sample, folder: Path, *, local: bool) -> str:
    """Call every tool from an estimate to an approval and a halt. Return the run that was delivered."""
    called: set[str] = set()

    async def call(tool: str, **arguments: object) -> dict[str, Any]:
        called.add(tool)
        return data_of(await client.call_tool(tool, dict(arguments)))

    texts = {"requirement": sample.source.decode(), "sealed": sample.sealed.decode()}
    right = sample.right("T1")
    assert (await call("status"))["user"] == "director"
    estimated = await call("estimate", **texts)
    assert (estimated["title"], estimated["tasks"]) == ("Adders", ["T1"])
    assert (await call("judge", **texts, files=right))["verified"] is True
    rejected = await call("judge", **texts, files=sample.wrong("T1"))
    assert (rejected["verified"], bool(rejected["verdict"]["reasons"])) == (False, True)
    await on_its_machine(client, sample, folder, local=local)
    submitted = await call("submit", **texts)
    again = await call("submit", **texts)
    assert (submitted["repeated"], again["repeated"]) == (False, True)
    assert submitted["run"] == again["run"], "the same text is the same run"
    run = submitted["run"]
    told: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or f"{progress} of {total}")

    called.add("wait")
    ended = await client.call_tool("wait", {"run": run, "seconds": 240}, progress_callback=on_progress)
    now = data_of(ended)
    assert (now["rests"], now["waiting"]["code"]) == (True, "approval")
    assert told[-1] == "delivered: verified 1 of 1 task"
    story = await call("run_story", run=run)
    assert (story["tasks"][0]["name"], story["tasks"][0]["phase"]) == ("T1", "verified")
    page = await call("run_story", run=run, limit=2)
    rest = await call("run_story", run=run, after=page["next"])
    assert page["story"] + rest["story"] == story["story"]
    changes = await call("diff", run=run)
    assert f"+    return n + {sample.numbers['T1']}" in changes["diff"]
    assert (await call("diff", run=run, path="adder_t1.py"))["diff"] in changes["diff"]
    assert error_of(await client.call_tool("diff", {"run": run, "path": "no.py"}))["code"] == "not_found"
    assert (await call("verdict", run="last"))["verified"] is True
    assert (await call("costs", by="employee"))["costs"]
    why = await call("why", event="T1", run=run)
    assert (why["event"]["type"], why["causes"][0]["type"]) == ("task.assigned", "run.submitted")
    page = await call("events", run=run, type="run.", limit=1)
    assert (page["events"][0]["type"], page["events"][0]["payload"]["title"]) == ("run.submitted", "Adders")
    assert [line["run"] for line in (await call("runs"))["runs"]] == [run]
    (delivery,) = (await call("inbox"))["deliveries"]
    said = await call("comment", run=run, text="Keep it short.", task="T1")
    assert said["events"] == (await call("comment", run=run, text="Keep it short.", task="T1"))["events"]
    own = error_of(await client.call_tool("approve", {"run": run, "commit": delivery["commit"]}))
    assert (own["code"], "approver" in own["hint"]) == ("own_request", True)
    await approved(site, run, delivery["commit"], stdio=local)
    called.add("approve")
    for outcome in ("reject", "cancel"):
        other = data_of(await client.call_tool("submit", {**texts, "key": str(uuid4())}))["run"]
        data_of(await client.call_tool("wait", {"run": other, "seconds": 240}))
        if outcome == "cancel":
            commit = (await call("inbox"))["deliveries"][-1]["commit"]
            back = {"run": other, "commit": commit, "comments": [{"text": "Say why.", "task": "T1"}]}
            first, second = await call("return_delivery", **back), await call("return_delivery", **back)
            assert (first["repeated"], second["repeated"], first["events"]) == (False, True, second["events"])
        same = {"run": other, "reason": "not wanted"}
        first, second = await call(outcome, **same), await call(outcome, **same)
        assert (first["repeated"], second["repeated"], first["events"]) == (False, True, second["events"])
    key = str(uuid4())
    for stop in ("pause", "halt"):
        assert len((await call(stop, reason="asked"))["events"]) == 1
        assert "already" in error_of(await client.call_tool(stop, {"reason": "asked"}))["message"]
    await site.opened.done(Resume(id=uuid4(), at=at(), reason="go on"))
    halts = [await call("halt", reason="asked", key=key) for _ in range(2)]
    assert halts[0] | {"repeated": True} == halts[1]

    async def halted() -> bool:
        return bool((await call("status"))["phase"] == "halted")

    assert await in_time(halted), "the rows of the manager come a moment later"
    assert called == set(BY_NAME)
    return str(run)


async def approved(site: McpSite, run: str, commit: str, *, stdio: bool) -> None:
    """Approve as the approver: the gate refuses the person who submitted. A second call gives the same result."""
    token = await site.token("approver", "approve")
    async with door(site, "stdio" if stdio else "http", token) as client:
        asked = {"run": run, "commit": commit, "reason": "read"}
        other = error_of(await client.call_tool("approve", {"run": run, "commit": "0" * 40}))
        assert other["kind"] == "conflict", "another commit than the delivered one is not approved"
        first, second = [data_of(await client.call_tool("approve", asked)) for _ in range(2)]
        assert (first["events"], second["events"], second["repeated"]) == (first["events"], first["events"], True)


async def on_its_machine(client: Client, sample: Sample, folder: Path, *, local: bool) -> None:
    """Name a file and a folder of the machine: possible at stdio only."""
    file, tree = folder / "adders.md", folder / "tree"
    tree.mkdir()
    file.write_bytes(sample.source)
    file.with_suffix(".sealed.yaml").write_bytes(sample.sealed)
    for path, text in sample.right("T1").items():
        (tree / path).write_text(text)
    judged = await client.call_tool("judge", {"file": str(file), "folder": str(tree)})
    checked = await client.call_tool("estimate", {"file": str(file)})
    if local:
        assert data_of(judged)["verified"] is True
        assert data_of(checked)["title"] == "Adders"
        both = error_of(await client.call_tool("estimate", {"file": str(file), "requirement": "x"}))
        assert both["code"] == "two_requirements"
    else:
        assert [error_of(each)["code"] for each in (judged, checked)] == ["not_here", "not_here"]


async def every_text(client: Client, run: str) -> None:
    """Read every resource and prompt."""
    uris = [resource.uri for resource in (await client.list_resources()).resources]
    for uri in (*uris, f"aura://runs/{run}", f"aura://runs/{run}/diff"):
        (content,) = (await client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        assert content.text
    assert {each.uri_template for each in (await client.list_resource_templates()).resource_templates} == {
        "aura://runs/{run}",
        "aura://runs/{run}/diff",
    }
    for prompt in (await client.list_prompts()).prompts:
        assert prompt.arguments is not None
        (argument,) = prompt.arguments
        (message,) = (await client.get_prompt(prompt.name, {argument.name: "last"})).messages
        assert isinstance(message.content, TextContent)
        assert "last" in message.content.text
    for uri in ("aura://runs/ffffffff", "aura://nothing", "file:///etc/passwd"):
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
        assert refused.value.data["error"]["code"] == "not_found"


ASKED: dict[str, dict[str, object]] = {
    "submit": {"requirement": "", "sealed": ""},
    "judge": {"requirement": "", "sealed": "", "files": {"a.py": "x = 1\n"}},
    "comment": {"run": "", "text": "Keep it short."},
    "return_delivery": {"run": "", "commit": "a" * 40, "comments": [{"text": "Say why."}]},
    "approve": {"run": "", "commit": "a" * 40},
    "reject": {"run": "", "reason": "asked"},
    "cancel": {"run": "", "reason": "asked"},
    "pause": {"reason": "asked"},
    "halt": {"reason": "asked"},
}
"""Arguments of the tools that act. Empty texts are filled in by the test."""


async def test_a_tool_without_its_scope_is_neither_listed_nor_permitted(site: McpSite) -> None:
    """Every role, scope and tool is tried. A permitted call may fail for another reason, such as a phase of the run."""
    sample = Sample(1)
    texts = {"requirement": sample.source.decode(), "sealed": sample.sealed.decode()}
    async with site.over_http(await site.token("operator", "submit")) as client:
        run = data_of(await client.call_tool("submit", texts))["run"]
    denied = permitted = 0
    for role in USER_ROLES:
        for scope in TOKEN_SCOPES:
            async with site.over_http(await site.token(role, scope)) as client:
                listed = {tool.name for tool in (await client.list_tools()).tools}
                state = await site.opened.office.people.state((await people.find_user(site.opened.store, role)).user)
                assert listed == {tool.name for tool in TOOLS if tool.may_call(state, (scope,))}
                for tool in TOOLS:
                    if tool.name == "judge" and tool.name in listed:
                        continue  # it runs a whole verdict; the other test calls it
                    result = await client.call_tool(tool.name, arguments_for(tool.name, run, texts))
                    kind = error_of(result)["kind"] if result.is_error else ""
                    assert (kind != "forbidden") is (tool.name in listed), (role, scope, tool.name, kind)
                    permitted, denied = permitted + (tool.name in listed), denied + (tool.name not in listed)
    print(f"{denied} denied, {permitted} permitted")
    assert denied > 250
    assert permitted > 80, "the controls"
    refusals = [
        each for each in await site.opened.store.read(0, limit=100_000) if each.envelope.type == "refusal.refused"
    ]
    assert refusals, "a refusal of the gate is on record"


def arguments_for(tool: str, run: str, texts: dict[str, str]) -> dict[str, Any]:
    """Return arguments with which a tool works, or fails for a reason of the run's phase."""
    others: dict[str, dict[str, Any]] = {
        "run_story": {"run": run},
        "wait": {"run": run, "seconds": 1},
        "diff": {"run": run},
        "verdict": {"run": run},
        "why": {"event": "1"},
        "estimate": dict(texts),
    }
    if tool in ASKED:
        filled = {name: run if name == "run" else texts.get(name, value) for name, value in ASKED[tool].items()}
        return filled | ({"key": str(uuid4())} if tool == "submit" else {})
    return others.get(tool, {})


async def test_who_may_connect(house: House, site: McpSite) -> None:
    """A token is needed, a cookie never counts, and a token that is revoked ends what waits."""
    post = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"Accept": "application/json, text/event-stream"}
    token, sample = await site.token("viewer", "read"), Sample(1)
    await house.hire("worker", {task: [sample.right(task)] for task in sample.numbers})  # no verifier, so its run waits
    async with httpx2.AsyncClient(base_url=site.url, trust_env=False, timeout=60, headers=accept) as plain:
        for headers in (
            {},
            {"Authorization": "Bearer aura_x_y"},
            {"Authorization": "Basic eDp5"},
            {"Cookie": "aura_session=x"},
        ):
            answer = await plain.post("/mcp", json=post, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await plain.post("/mcp", json=post, headers=bearer)).status_code == 200, "the control"
        for method in ("GET", "DELETE", "PUT"):
            answer = await plain.request(method, "/mcp", headers=bearer)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        for host in ("evil.example", "127.0.0.1.evil.example"):
            answer = await plain.post("/mcp", json=post, headers=bearer | {"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "unknown_host")
        other = await plain.post("/mcp", json=post, headers=bearer | {"Origin": "http://evil.example"})
        assert (other.status_code, other.json()["code"]) == (403, "other_site")
        large = await plain.post("/mcp", content=b"x" * 1_000_001, headers=bearer)
        assert (large.status_code, large.json()["code"]) == (413, "large_body")
    async with site.over_http(await site.token("operator", "submit")) as operator:
        texts = {"requirement": sample.source.decode(), "sealed": sample.sealed.decode()}
        run = data_of(await operator.call_tool("submit", texts))["run"]
    async with site.over_http(token) as client:
        begun = asyncio.Event()

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001  # its form
            begun.set()

        asked = client.call_tool("wait", {"run": run, "seconds": 600}, progress_callback=on_progress)
        waiting = asyncio.create_task(asked)
        await asyncio.wait_for(begun.wait(), 120)
        await people.revoke_token(site.opened, token.split("_")[1][:8])
        assert error_of(await waiting)["kind"] == "forbidden", "it ends long before its time"
        with pytest.raises(MCPError):
            await client.call_tool("status")


async def test_a_person_at_the_machine_acts_without_a_token(site: McpSite) -> None:
    """`--as` needs the Director's key. The gate checks the roles of the named user all the same."""
    async with site.at_stdio(person="viewer") as client:
        assert data_of(await client.call_tool("status"))["user"] == "viewer"
        assert error_of(await client.call_tool("halt", {"reason": "asked"}))["kind"] == "forbidden"
    async with site.at_stdio(person="approver") as client:
        assert len(data_of(await client.call_tool("halt", {"reason": "asked"}))["events"]) == 1, "the control"
    for arguments, code in (
        (site.program(), "no_person"),
        (site.program("x", "viewer"), "no_person"),
        (site.program("aura_x_y"), "unauthenticated"),
        (site.program(person="nobody"), "not_found"),
    ):
        assert await refused(arguments.command, [*arguments.args, "--json"], arguments.env or {}) == code
    (Path(site.environment["AURA_HOME"]) / "keys" / "director").unlink()
    arguments = site.program(person="viewer")
    assert await refused(arguments.command, [*arguments.args, "--json"], arguments.env or {}) == "forbidden"


async def refused(command: str, arguments: Sequence[str], environment: dict[str, str]) -> str:
    """Return the code of the error with which a program ends."""
    process = await asyncio.create_subprocess_exec(
        command, *arguments, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    code: str = json.loads(out)["error"]["code"]
    return code


@asynccontextmanager
async def two(site: McpSite) -> AsyncIterator[tuple[Client, Client]]:
    token = await site.token("viewer", "read")
    async with site.at_stdio(token, mode="legacy") as first, site.over_http(token, mode="legacy") as second:
        yield first, second


async def test_two_clients_of_an_earlier_protocol_at_once_get_their_own_answers(site: McpSite) -> None:
    async with two(site) as clients:
        listed = [{tool.name for tool in (await client.list_tools()).tools} for client in clients]
        assert listed == [{tool.name for tool in TOOLS if tool.read_only}] * 2
        asked = [client.call_tool("events", {"after": at % 5, "limit": 1}) for at in range(20) for client in clients]
        answers = [data_of(result)["events"][0]["seq"] for result in await asyncio.gather(*asked)]
        assert answers == [at % 5 + 1 for at in range(20) for _ in clients]
