"""Settings that name a file: the file's content is the value. Every mistake is reported without the secret."""

from pathlib import Path

import pytest

from director.settings import Settings
from domain.errors import Invalid

SECRET = "postgresql://aura:s3cret@db/aura"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AURA_NATS_URL", "AURA_NATS_URL_FILE", "AURA_POSTGRES_DSN", "AURA_POSTGRES_DSN_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_file_holds_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "dsn"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("AURA_POSTGRES_DSN_FILE", str(file))
    assert Settings().postgres_dsn == SECRET
    assert Settings().store_only() == SECRET
    assert Settings().nats_url is None


@pytest.mark.parametrize("content", [b"", b"\n", f"{SECRET}\n{SECRET}\n".encode(), b"\xff\xfe"])
def test_a_file_that_does_not_hold_one_line_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "dsn"
    file.write_bytes(content)
    monkeypatch.setenv("AURA_POSTGRES_DSN_FILE", str(file))
    with pytest.raises(Invalid, match="AURA_POSTGRES_DSN_FILE") as error:
        Settings()
    assert "s3cret" not in f"{error.value} {error.value.hint}"


def test_a_file_that_is_not_there_or_stands_beside_the_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AURA_NATS_URL_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(Invalid, match="nowhere, which cannot be read: No such file"):
        Settings()
    (tmp_path / "nowhere").write_text("nats://127.0.0.1:4222")
    assert Settings().nats_url == "nats://127.0.0.1:4222"
    monkeypatch.setenv("AURA_NATS_URL", "nats://127.0.0.1:4222")
    with pytest.raises(Invalid, match="both set"):
        Settings()


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_POSTGRES_DSN", SECRET)
    monkeypatch.setenv("AURA_POSTGRES_DSN_FILE", "")
    monkeypatch.setenv("AURA_NATS_URL", "")
    assert Settings().postgres_dsn == SECRET
    assert Settings().nats_url is None


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
def test_health_is_told_at_an_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AURA_METRICS_HOST", "")
    assert Settings().listen_at() == "127.0.0.1"
    monkeypatch.setenv("AURA_METRICS_HOST", address)
    assert Settings().listen_at() == address


@pytest.mark.parametrize("address", ["everywhere", "127.0.0.1:9464", "1.2.3"])
def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AURA_METRICS_HOST", address)
    with pytest.raises(Invalid, match="AURA_METRICS_HOST") as error:
        Settings().listen_at()
    assert "0.0.0.0" in error.value.hint


def test_without_tls_the_api_listens_on_loopback_or_in_a_container_published_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AURA_HTTP_PUBLISHED_ON", raising=False)
    assert Settings().serve_http_at() == "127.0.0.1"
    monkeypatch.setenv("AURA_HTTP_PUBLISHED_ON", "127.0.0.1")
    assert Settings().serve_http_at() == "0.0.0.0"
    for elsewhere in ("0.0.0.0", "192.168.1.2", "aura.example.org"):
        monkeypatch.setenv("AURA_HTTP_PUBLISHED_ON", elsewhere)
        with pytest.raises(Invalid, match="not a loopback address"):
            Settings().serve_http_at()


def test_the_address_of_a_proxy_has_tls_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, meant in (("", ""), ("https://aura.example.org/", "https://aura.example.org"), ("https://a:8443",) * 2):
        monkeypatch.setenv("AURA_HTTP_ADDRESS", given)
        assert Settings().public_address() == meant
    for wrong in (
        "http://aura.example.org",
        "aura.example.org",
        "https://a/b",
        "https://u:p@a",
        "https://",
        "https://a?b",
    ):
        monkeypatch.setenv("AURA_HTTP_ADDRESS", wrong)
        with pytest.raises(Invalid, match="not the address of a proxy"):
            Settings().public_address()


@pytest.mark.parametrize(("given", "meant"), [("", 30.0), ("0.2", 0.2), ("3600", 3600.0)])
def test_the_longest_wait_before_a_restart_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, given: str, meant: float
) -> None:
    monkeypatch.setenv("AURA_RESTART_WAIT_MAX_S", given)
    assert Settings().restart_wait_max_s == meant


@pytest.mark.parametrize("given", ["0", "-1", "inf", "nan", "3601", "soon"])
def test_a_wait_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AURA_RESTART_WAIT_MAX_S", given)
    with pytest.raises(Invalid, match="AURA_RESTART_WAIT_MAX_S is not valid"):
        Settings()


@pytest.mark.parametrize(
    ("name", "given", "field", "meant"),
    [
        ("AURA_HOME", "/srv/aura", "home", Path("/srv/aura")),
        ("aura_home", "/srv/aura", "home", Path("/srv/aura")),
        ("AURA_ALLOW_DEGRADED", "Yes", "allow_degraded", True),
        ("AURA_ALLOW_DEGRADED", "0", "allow_degraded", False),
        ("AURA_MACHINE", "null", "machine", "null"),
        ("AURA_LOG_MIB", "5", "log_mib", 5),
        ("AURA_STREAM_GIB", "7", "stream_gib", 7),
        ("AURA_SANDBOX", "docker", "sandbox", "docker"),
    ],
)
def test_a_variable_has_the_type_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, field: str, meant: object
) -> None:
    monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(name, given)
    assert getattr(Settings(), field) == meant


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("AURA_ALLOW_DEGRADED", "perhaps"),
        ("AURA_LOG_MIB", "0"),
        ("AURA_LOG_MIB", "5.5"),
        ("AURA_STREAM_GIB", "1025"),
        ("AURA_SANDBOX", "none"),
    ],
)
def test_a_variable_that_is_not_valid_is_named(monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    monkeypatch.setenv(name, given)
    with pytest.raises(Invalid, match=f"{name} is not valid"):
        Settings()
