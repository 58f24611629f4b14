"""Texts that are reported as secrets, and texts that are not. All keys here are random, and none is real."""

import base64
import json
import random
import string
import time

import pytest
from msgspec.structs import replace

from tests.unit.asked import asked
from verification.gates.secrets import Secrets
from verification.source_scan.secret_scan import secrets_in
from verification.source_scan.write_set import NAMED_MAX

BASE62 = string.ascii_letters + string.digits
DRAWN = random.Random(20261122)


def drawn(length: int, letters: str = BASE62) -> str:
    return "".join(DRAWN.choices(letters, k=length))


def jwt(claims: dict[str, object]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256"}, claims))
    head = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return f"{head}.{drawn(43)}"


def pem(kind: str = "RSA ", join: str = "\n") -> str:
    lines = (drawn(64, BASE62 + "+/") for _ in range(4))
    return join.join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])


LEAKS = {
    "AWS": f'KEY = "AKIA{drawn(16, string.ascii_uppercase + string.digits)}"',
    "GitHub": f'headers = {{"Authorization": "token ghp_{drawn(36)}"}}',
    "GitHub, fine-grained": f"# github_pat_{drawn(22)}_{drawn(59)}",
    "a provider of models": f"client = OpenAI(api_key='sk-proj-{drawn(48)}')",
    "another one": f"export KEY=sk-ant-api03-{drawn(80)}",
    "Slack": f"SLACK = 'xoxb-{drawn(12, '2468')}-{drawn(12, '1357')}-{drawn(24)}'",
    "Google": f"https://maps.example.com/api?key=AIza{drawn(35)}",
    "RSA": pem(),
    "OpenSSH": pem("OPENSSH "),
    "plain": pem(""),
    "in one line of Python": f'KEY = "{pem(join=chr(92) + "n")}"',
    "as joined texts": "KEY = (\n" + "\n".join(f'    "{line}\\n"' for line in pem().split("\n")) + "\n)",
    "JWT": f'TOKEN = "{jwt({"sub": "u-77", "exp": 4102444800})}"',
    "password": 'DB_PASSWORD = "hG7x2Qp9Vd4LmZ8c"',
    "with a type": 'api_key: str = "9fKd02Lmx7QpZs41"',
    "in YAML": "auth_token: 'q8W3e7R2t9Y4u6I1o5'",
    "in JSON": '{"client_secret": "Zx81kQ07mPv3Lt96"}',
    "as a key of a dict": 'config["password"] = "T7k2Rw9Xq4Nz8Vb3"',
}
HONEST = {
    "header alone": 'if text.startswith("-----BEGIN RSA PRIVATE KEY-----"):\n    raise ValueError("a private key")',
    "a pattern": r'KEYS = re.compile(r"AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_-]{32,}")',
    "the vendor's example": 'KEY = "AKIA' + 'IOSFODNN7EXAMPLE"',
    "a placeholder": f'KEY = "sk-{"x" * 48}"',
    "zeros": f'KEY = "AKIA{"0" * 16}"',
    "a fake one": f'KEY = "ghp_fake{drawn(32)}"',
    "typed": 'KEY = "sk-' + 'abcdefghijklmnopqrstuvwxyz0123456789"',
    "the sample of jwt.io": f'TOKEN = "{jwt({"sub": "1234567890", "name": "John Doe"})}"',
    "no token": 'VALUE = "eyJhbGciOiJ.eyJzdWIiOiI.not-a-signature-at-all"',
    "a style": ".sk-fading-circle-with-many-parts-and-names-2 { color: red }",
    "an alphabet": f'TOKEN_CHARS = "{BASE62}"\nSECRET = "{BASE62}"',
    "asked for": 'password = getpass.getpass("Password: ")\ntoken = os.environ["GITHUB_TOKEN_FOR_2026_BUILDS"]',
    "a name": 'TOKEN = "SessionTokenVersion2Default"\npassword = "correct horse battery staple 1"',
    "a field": '{"password": "required|min:12|max:64", "token": "string"}',
    "a short one": 'password = "Hunter2!"',
    "a number": 'TOKEN = "20261122093000123456"',
    "a digest": 'CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    "a commit": "commit = '9bd8375cf12a7de0b1c4f3a2e5d6978801234abc'",
    "an identifier": 'id = "3f2b8c1e-9d47-4a6b-8e21-7c5d0f9a1b34"',
    "a path": 'secret_path = "/run/secrets/db"\nTOKEN_URL = "https://auth.local/v2/token"',
    "no text": "KEY = 'AKIA\0'",
}


@pytest.mark.parametrize("name", LEAKS)
async def test_a_secret_is_told_and_not_shown(name: str) -> None:
    text = f"# a file\n{LEAKS[name]}\n"
    report = await asked(Secrets(), {"config.py": text.encode()})
    assert report.result == "failed", name
    (finding, *_) = report.findings
    assert (finding.kind, finding.path, finding.integrity) == ("secret", "config.py", False)
    assert "line 2" in finding.detail or name == "as joined texts"
    shown = f"{report!r} {finding!r} {list(secrets_in(text.encode()))!r}"
    for secret in secrets_in(text.encode()):
        assert secret.value.decode() not in shown
        assert secret.value.decode()[8:24] not in shown


@pytest.mark.parametrize("name", HONEST)
async def test_what_is_none_is_not(name: str) -> None:
    assert (await asked(Secrets(), {"config.py": HONEST[name].encode()})).result == "passed"


async def test_what_was_there_before_is_no_leak() -> None:
    leak = LEAKS["GitHub"].encode()
    assert (await asked(Secrets(), {"a.py": leak})).result == "failed"
    assert (await asked(Secrets(), {"a.py": leak}, base={"a.py": leak})).result == "passed"
    assert (await asked(Secrets(), {"a.py": leak + b"\n"}, base={"old.py": leak})).result == "passed"
    assert (await asked(Secrets(), {"a.py": leak}, of=lambda of: replace(of, source=leak))).result == "passed"
    assert (await asked(Secrets(), {"a.py": leak}, of=lambda of: replace(of, fixtures={"f": leak}))).result == "passed"


@pytest.mark.parametrize("path", ["tests/test_a.py", "README.md"])
async def test_in_tests_and_prose_a_doubtful_one_is_noted(path: str) -> None:
    for name in ("RSA", "JWT", "password"):
        report = await asked(Secrets(), {path: LEAKS[name].encode()})
        assert (report.result, report.findings) == ("noted", ()), name
        assert path in report.text
    assert (await asked(Secrets(), {path: LEAKS["AWS"].encode()})).result == "failed"


@pytest.mark.parametrize("text", ["secret", "secret:", "secret : a ", "secret] ", "secret: str |"])
def test_no_text_takes_long(text: str) -> None:
    """Whoever writes the file would hold up everybody else's verdict."""
    leak = f"\n{LEAKS['password']}\n".encode()
    whole = (text.encode() + b" " * 900_000 + leak, text.encode() * 50_000 + leak)
    began = time.process_time()
    for content in whole:
        assert [secret.form for secret in secrets_in(content)] == ["password"]
    assert time.process_time() - began < 10


async def test_many_secrets_are_looked_for_in_a_large_base_no_more_than_are_named() -> None:
    keys = [f"ghp_{drawn(36)}".encode() for _ in range(5000)]
    base = {"data.bin": random.Random(1).randbytes(8 << 20)}
    began = time.process_time()
    report = await asked(Secrets(), {**base, "a.py": b"\n".join(keys)}, base=base)
    assert len(report.findings) == NAMED_MAX
    assert time.process_time() - began < 5
    tests = {"tests/a.py": LEAKS["password"].encode() + b"\n" * 2, "b.py": keys[0]}
    assert [finding.path for finding in (await asked(Secrets(), tests)).findings] == ["b.py"]
