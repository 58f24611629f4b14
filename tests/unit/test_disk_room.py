"""Free disk: one limit for all commands, the size of a new stream, and warnings before the stream is full."""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from bus import disk_room
from bus.disk_room import FREE_BYTES_MIN, GIB, MIB, STREAM_BYTES_MAX, stream_bytes, stream_sizes
from bus.embedded import nats, stack, status
from bus.embedded.home import Home
from director.doctor import host_checks
from director.settings import STREAM_GIB_MAX, Settings
from director.terminal.text import room_lines
from domain.errors import Invalid, Unavailable

ROOT = Path(__file__).parents[2]


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    for module in (disk_room, status):
        monkeypatch.setattr(module, "free_bytes", lambda _folder: free)


def with_stream(home: Home) -> None:
    (home.nats_data / "jetstream" / "$G" / "streams" / "AURA").mkdir(parents=True)


@pytest.mark.parametrize(
    ("free", "size"),
    [
        (100 * GIB, 8 * GIB),
        (32 * GIB, 8 * GIB),
        (32 * GIB - 1, 4 * GIB),
        (int(8.8 * GIB), 2 * GIB),
        (4 * GIB, GIB),
        (FREE_BYTES_MIN, 256 * MIB),
        (0, 256 * MIB),  # nobody starts with it: see below
    ],
)
def test_a_new_stream_fits_four_times_on_the_disk(free: int, size: int) -> None:
    assert stream_bytes(free) == size
    assert stream_sizes() == [8 * GIB, 4 * GIB, 2 * GIB, GIB, 512 * MIB, 256 * MIB]


def test_up_and_doctor_have_the_same_limit_and_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, said = Home(tmp_path / "home"), list[str]()
    home.ensure()
    with_free(monkeypatch, FREE_BYTES_MIN)  # the control
    stack._has_room(home, said.append)
    assert said == ["nats: the stream may grow to 256 MiB"]
    part = host_checks.home(home.path)
    assert (part.state, part.remedy) == ("ok", "")
    assert part.says == f"{home.path}: 1.0 GiB free; its stream may grow to 256 MiB"
    with_free(monkeypatch, FREE_BYTES_MIN - 1)
    with pytest.raises(Unavailable, match=r"has 1024 MiB free, and an organisation needs 1\.0 GiB") as refused:
        stack._has_room(home, said.append)
    part = host_checks.home(home.path)
    assert part.state == "missing"
    assert "AURA_HOME" in part.remedy
    assert "AURA_HOME" in refused.value.hint
    assert (refused.value.code, refused.value.exit_code) == ("disk_full", 69)


def test_an_organisation_that_is_there_starts_on_a_full_disk_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, said = Home(tmp_path / "home"), list[str]()
    home.ensure()
    with_stream(home)
    with_free(monkeypatch, 5 * MIB)
    stack._has_room(home, said.append)
    assert said == [f"The disk of {home.path} has only 5 MiB free."]
    assert host_checks.home(home.path).state == "degraded"
    with_free(monkeypatch, 9 * GIB)
    stack._has_room(home, said.append)
    assert len(said) == 1


def test_a_new_stream_on_a_server_of_ones_own_is_that_servers_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, 9 * GIB)
    stacks = {"ours": "/data/nats", "elsewhere": None}
    found = {}
    for name, nats_data in stacks.items():
        monkeypatch.setattr(status, "status", lambda _home, data=nats_data: SimpleNamespace(nats_data=data))
        found[name] = status.stream_room(tmp_path)
    assert found == {"ours": 2 * GIB, "elsewhere": STREAM_BYTES_MAX}


def test_the_server_of_the_home_has_room_for_a_stream_that_grows(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.ensure()
    nats.plan(home.run, home.nats_data, 1, 2, home.logs)
    settings = msgspec.json.decode((home.run / "nats.json").read_bytes())
    assert settings["jetstream"]["max_file_store"] >= STREAM_GIB_MAX * GIB > STREAM_BYTES_MAX


@pytest.mark.parametrize(
    ("used", "free", "words"),
    [
        (0.1, 9 * GIB, ()),
        (0.79, FREE_BYTES_MIN, ()),
        (0.81, 9 * GIB, ("nearly full", "every command and every run stops", "AURA_STREAM_GIB=16 aura up")),
        (0.1, FREE_BYTES_MIN - 1, ("less than 1.0 GiB free",)),
    ],
)
def test_status_says_what_happens_at_the_limit_before_it_does(used: float, free: int, words: tuple[str, ...]) -> None:
    first, *others = room_lines({"bytes": int(used * GIB), "bytes_max": GIB}, free)
    assert first.startswith("stream ")
    assert bool(others) == bool(words)
    assert all(word in "".join(others) for word in words)


def test_a_server_that_says_no_size_is_not_nearly_full() -> None:
    assert len(room_lines({"bytes": 5, "bytes_max": 0}, 9 * GIB)) == 1


def test_the_size_of_the_stream_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_STREAM_GIB", "16")
    assert Settings().stream_gib == 16
    monkeypatch.setenv("AURA_STREAM_GIB", "0")
    with pytest.raises(Invalid, match="AURA_STREAM_GIB"):
        Settings()


def test_the_readme_and_the_guide_name_the_limit() -> None:
    assert "1 GiB of free disk" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert FREE_BYTES_MIN == GIB
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    assert "8, 4, 2 and 1 GiB, 512 and 256 MiB" in guide
