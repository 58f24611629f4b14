"""The client of AURA_URL: where it sends a token, what it says about a wrong server, and which commands it knows."""

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from director.cli.commands.command import COMMANDS
from director.cli.main import main
from director.cli.remote.address import address_in
from director.cli.remote.offers import OFFERS, WITHOUT_ORGANISATION
from director.cli.remote.upload import files_of, written
from domain.errors import AuraError, Invalid, Refused
from tests.integration.house import Sample
from tests.loopback import loopback, raw

TOKEN = "aura_0_secret"
LINE = b'{"is":"say","text":"working"}\n'
ENDED = b'{"is":"answer","data":{"runs":[]},"text":"No runs yet."}\n'


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://aura.example.com", "needs_tls"),
        ("http://10.0.0.1:8000", "needs_tls"),
        ("http://127.0.0.1.example.com", "needs_tls"),
        ("http://[::2]:8000", "needs_tls"),
        ("ftp://127.0.0.1", "invalid"),
        ("127.0.0.1:8000", "invalid"),
        ("https://", "invalid"),
        ("https://name:secret@aura.example.com", "invalid"),
        ("https://aura.example.com:x", "invalid"),
        ("https://aura.example.com?x=1", "invalid"),
    ],
)
def test_a_token_is_never_sent_in_clear(url: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        address_in({"AURA_URL": url, "AURA_TOKEN": TOKEN})
    assert refused.value.code == code
    assert TOKEN not in str(refused.value)


def test_an_address_with_a_token_is_read(tmp_path: Path) -> None:
    for url in ("https://aura.example.com/", "http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"):
        address = address_in({"AURA_URL": url, "AURA_TOKEN": TOKEN})
        assert (address.url, address.token) == (url.rstrip("/"), TOKEN)
        assert TOKEN not in repr(address)
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    only = {"AURA_URL": "https://aura.example.com"}
    assert address_in(only | {"AURA_TOKEN_FILE": str(file)}).token == TOKEN
    with pytest.raises(AuraError, match="there is no token"):
        address_in(only)
    with pytest.raises(AuraError, match="both set"):
        address_in(only | {"AURA_TOKEN": TOKEN, "AURA_TOKEN_FILE": str(file)})
    with pytest.raises(AuraError, match="not a token"):
        address_in(only | {"AURA_TOKEN": "a\r\nb"})


def test_each_command_has_one_place() -> None:
    assert COMMANDS.keys() >= OFFERS.keys()
    assert COMMANDS.keys() >= WITHOUT_ORGANISATION
    assert not OFFERS.keys() & WITHOUT_ORGANISATION
    only_there = {"up", "down", "replay", "repair", "found", "serve http", "open", "token create", "logs"}
    assert not only_there & OFFERS.keys()
    for name, offer in OFFERS.items():
        options = {each.name for each in inspect_options(name)}
        assert {*offer.not_here, *filter(None, [offer.uploads])} <= options, name
        files = {each.name for each in inspect_options(name) if "Path" in str(each.annotation)}
        assert files <= {*offer.not_here, offer.uploads}, f"{name} would read or write a file of the server"


def inspect_options(name: str) -> list[inspect.Parameter]:
    return list(inspect.signature(COMMANDS[name]).parameters.values())


def test_the_client_loads_neither_nats_nor_postgres() -> None:
    code = (
        "import os, sys\n"
        "os.environ |= {'AURA_URL': 'http://127.0.0.1:9', 'AURA_TOKEN': 'aura_0_x'}\n"
        "from director.cli.main import main\n"
        "code = main(['runs'])\n"
        "print(code, sorted({'asyncpg', 'nats', 'fastapi', 'uvicorn'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "69 []\n", done
    assert "does not answer" in done.stderr


def test_a_requirement_arrives_with_its_files_and_never_outside_its_folder(tmp_path: Path) -> None:
    sample = Sample(1)
    (tmp_path / "a.md").write_bytes(sample.source)
    (tmp_path / "a.sealed.yaml").write_bytes(sample.sealed)
    files = files_of(tmp_path / "a.md")
    assert files == {"a.md": sample.source, "a.sealed.yaml": sample.sealed}
    folder = tmp_path / "there"
    folder.mkdir()
    assert files_of(written(folder, files, "a.md")) == files
    for path in ("../b.md", "/etc/b", "a/../../b", ""):
        with pytest.raises(Invalid):
            written(folder, files | {path: b""}, "a.md")
    for name in ("b.md", "../a.md", "a.sealed.yaml"):
        with pytest.raises(Invalid):
            written(folder, files, name)
    based = sample.source.replace(b"title: Adders\n", b"title: Adders\nbase: {repo: /etc}\n")
    with pytest.raises(Refused, match="has a base"):
        written(folder, {"a.md": based, "a.sealed.yaml": sample.sealed}, "a.md")


@pytest.mark.parametrize(
    ("status", "body", "headers", "exit_code", "said"),
    [
        (200, LINE + ENDED, {}, 0, "No runs yet."),
        (200, LINE, {}, 69, "ended before the answer"),
        (200, b"<html></html>\n", {}, 69, "not as an organisation of Aura"),
        (404, b"not found", {}, 69, "not as an organisation of Aura (HTTP 404)"),
        (307, b"", {"location": "https://evil.example/"}, 69, "never sent on to another address"),
        (401, b'{"code":"unauthenticated","detail":"No.","kind":"unauthenticated"}', {}, 4, "is not a token of this"),
        (403, b'{"code":"forbidden","detail":"No.","hint":"Ask.","kind":"forbidden"}', {}, 4, "Ask."),
        (409, b'{"code":"base_moved","detail":"No.","kind":"refused"}', {}, 7, "No."),
        (503, b'{"code":"unavailable","detail":"Down.","kind":"unavailable"}', {}, 69, "Down."),
        (200, b'{"is":"answer","fault":{"kind":"not_found","code":"x","message":"None."}}\n', {}, 3, "None."),
    ],
)
async def test_answers_and_faults_of_a_server(
    status: int,
    body: bytes,
    headers: dict[str, str],
    exit_code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with loopback(raw(status, body, **headers)) as server:
        monkeypatch.setenv("AURA_URL", server.base_url.removesuffix("/v1"))
        monkeypatch.setenv("AURA_TOKEN", TOKEN)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert await asyncio.to_thread(main, ["runs"]) == exit_code
        shown = capsys.readouterr()
        assert said in shown.out + shown.err
        assert TOKEN not in shown.out + shown.err
        (seen,) = server.seen
        assert (seen.method, seen.path) == ("POST", "/api/commands/runs")
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.body == {"options": {}, "as_json": False, "files": {}}
