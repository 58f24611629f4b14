"""The service `secrets` of compose.yaml: it makes passwords once, keeps older ones, and updates the providers' keys."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bus.secretfile import secret
from director.deployment.container_secrets import MOUNTED, assignments, provide

OLD = {
    "nats_auth": 'authorization { user: "aura", password: "n" }',
    "nats_url": "nats://aura:n@nats:4222",
    "postgres_password": "p",
    "postgres_dsn": "postgresql://aura:p@postgres:5432/aura",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "deploy" / "secrets").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in MOUNTED:
        (tmp_path / "volumes" / name).mkdir(parents=True)
    return tmp_path / "volumes"


def contents(volumes: Path) -> dict[str, str]:
    return {str(path.relative_to(volumes)): path.read_text() for path in volumes.glob("*/*")}


def test_new_volumes_get_passwords_that_fit_each_other(project: Path, volumes: Path) -> None:
    said = provide(project, volumes)
    assert said == ["passwords: new", "keys of providers: none"]
    made = contents(volumes)
    assert set(made) == {f"{volume}/{name}" for volume, names in MOUNTED.items() for name in names}
    password = made["postgres/postgres_password"].strip()
    assert len(password) == 48
    assert made["roles/postgres_dsn"] == f"postgresql://aura_admin:{password}@postgres:5432/aura_orchestra\n"
    assert (made["postgres/postgres_user"], made["postgres/postgres_database"]) == ("aura_admin\n", "aura_orchestra\n")
    core, workers = urlsplit(made["roles/nats_url"].strip()), urlsplit(made["employees/nats_worker_url"].strip())
    assert (core.username, workers.username) == ("aura", "workers")
    assert made["nats/nats_passwords"] == f'CORE_PASSWORD: "{core.password}"; WORKERS_PASSWORD: "{workers.password}"\n'
    assert core.password != workers.password
    assert {path.stat().st_mode & 0o777 for path in volumes.glob("*/*")} == {0o444}
    assert password not in "".join(said)


def test_passwords_stay_at_the_next_start_and_no_two_installations_share_them(project: Path, volumes: Path) -> None:
    provide(project, volumes)
    first = contents(volumes)
    assert provide(project, volumes)[0] == "passwords: unchanged since the first start"
    assert contents(volumes) == first
    for path in volumes.glob("*/*"):
        path.unlink()
    provide(project, volumes)
    assert contents(volumes)["roles/postgres_dsn"] != first["roles/postgres_dsn"]


def test_an_older_installation_keeps_its_passwords_its_user_and_its_database(project: Path, volumes: Path) -> None:
    for name, line in OLD.items():
        (project / "deploy" / "secrets" / name).write_text(f"{line}\n")
    assert provide(project, volumes)[0] == "passwords: taken from deploy/secrets"
    made = contents(volumes)
    assert made["roles/postgres_dsn"] == OLD["postgres_dsn"] + "\n"
    assert made["roles/nats_url"] == OLD["nats_url"] + "\n"
    assert made["nats/nats_passwords"].startswith('CORE_PASSWORD: "n"; ')
    assert (made["postgres/postgres_user"], made["postgres/postgres_database"]) == ("aura\n", "aura\n")


def test_volumes_of_an_older_release_keep_the_password_of_the_log_and_give_the_workers_another(
    project: Path, volumes: Path
) -> None:
    provide(project, volumes)
    new = contents(volumes)
    for name in ("nats/nats_passwords", "employees/nats_worker_url"):
        (volumes / name).unlink()
    for name, content in {
        "nats/nats_auth": OLD["nats_auth"],
        "roles/nats_url": OLD["nats_url"],
        "employees/nats_url": OLD["nats_url"],
    }.items():
        (volumes / name).write_text(f"{content}\n")
    assert provide(project, volumes)[0] == "passwords: unchanged since the first start"
    made = contents(volumes)
    assert set(made) == set(new)
    assert made["roles/nats_url"] == OLD["nats_url"] + "\n"
    assert made["nats/nats_passwords"].startswith('CORE_PASSWORD: "n"; ')
    assert made["employees/nats_worker_url"].startswith("nats://workers:")
    assert provide(project, volumes)[0] == "passwords: unchanged since the first start"
    assert contents(volumes) == made


def test_volumes_of_an_older_release_give_notifications_the_address_of_postgres(project: Path, volumes: Path) -> None:
    provide(project, volumes)
    new = contents(volumes)
    (volumes / "notify" / "postgres_dsn").unlink()
    assert provide(project, volumes)[0] == "passwords: unchanged since the first start"
    assert contents(volumes) == new


def test_a_lost_file_is_named_and_nothing_is_made_anew(project: Path, volumes: Path) -> None:
    provide(project, volumes)
    (volumes / "postgres" / "postgres_password").unlink()
    left = contents(volumes)
    with pytest.raises(ValueError, match="secrets-postgres: postgres_password"):
        provide(project, volumes)
    assert contents(volumes) == left


def test_a_start_that_was_interrupted_is_repeated(project: Path, volumes: Path) -> None:
    (volumes / "nats" / ".nats_passwords.partial").write_text("half")
    assert provide(project, volumes)[0] == "passwords: new"
    assert "half" not in contents(volumes)["nats/nats_passwords"]


def test_keys_of_providers_follow_the_settings_and_only_employees_have_them(project: Path, volumes: Path) -> None:
    (project / "deploy" / "secrets" / "openai_api_key").write_text("of-the-file")
    (project / ".env").write_text("# A_API_KEY=no\nANTHROPIC_API_KEY='of the settings'\nEMPTY_API_KEY=\nAURA_X=1\n")
    assert provide(project, volumes)[1] == "keys of providers: anthropic_api_key, openai_api_key"
    keys = {name: text for name, text in contents(volumes).items() if name.endswith("_api_key")}
    assert keys == {"employees/anthropic_api_key": "of the settings\n", "employees/openai_api_key": "of-the-file\n"}
    (project / ".env").write_text("OPENAI_API_KEY=of-the-settings\n")
    provide(project, volumes)
    keys = {name: text for name, text in contents(volumes).items() if name.endswith("_api_key")}
    assert keys == {"employees/openai_api_key": "of-the-settings\n"}


def test_a_worker_finds_its_key_in_the_folder_of_secrets(project: Path, volumes: Path) -> None:
    (project / ".env").write_text("OTHER_API_KEY=of-the-settings\n")
    provide(project, volumes)
    environment = {"AURA_SECRETS": str(volumes / "employees")}
    assert secret("OTHER_API_KEY", environment) == "of-the-settings"
    assert secret("OTHER_API_KEY", environment | {"OTHER_API_KEY": "of-the-shell"}) == "of-the-shell"
    assert secret("OPENAI_API_KEY", environment) == "", "control: a key that nobody has set"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A_API_KEY=plain", {"A_API_KEY": "plain"}),
        ("export A_API_KEY=plain", {"A_API_KEY": "plain"}),
        ('A_API_KEY="with # inside" # outside', {"A_API_KEY": "with # inside"}),
        ("A_API_KEY=plain # outside", {"A_API_KEY": "plain"}),
        ("A_API_KEY=with=signs", {"A_API_KEY": "with=signs"}),
        ("# A_API_KEY=no", {}),
        ("nothing", {}),
    ],
)
def test_settings_are_read_as_compose_reads_them(line: str, expected: dict[str, str]) -> None:
    assert assignments(line) == expected
