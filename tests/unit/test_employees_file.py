"""The file employees.toml: all its problems are reported together with their lines, and it holds no keys."""

import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agents.employees.posting import Posting
from director.services.employee_options import OPTIONS
from director.services.employees_file import (
    EMPLOYEES_MAX,
    FILE_BYTES_MAX,
    EmployeesFile,
    EmployeesFileInvalid,
    read_employees_file,
)
from director.services.hire_options import Hiring, posting_of
from domain.errors import Invalid, NotFound

PAGE = Path(__file__).parents[2] / "docs" / "employees.md"
KEY = "sk-proj-Zk3vQ9xLm2Tt8Rb7Yw5Nc4Hd6Jf1Pg0SaUe"
GOOD = """
# The staff of this organisation.
[defaults]
slots = 2
key-env = "MY_KEY"

[employees.coder]
base-url = "https://api.openai.com/v1"
model = "gpt-5"

[employees."local-one"]
base_url = "http://127.0.0.1:11434/v1"
model = "qwen2.5-coder:7b"
local = true
slots = 1

[employees.priced]
base-url = "https://models.example.com/v1"
model = "m"
price-in = 2.50
price-out = "10"
wall-s = 30

[employees.player]
script = "answers.json"

[fallback]
implementer = ["coder", "local-one"]
reviewer = []
"""


async def read(folder: Path, text: str) -> EmployeesFile:
    file = folder / "employees.toml"
    file.write_text(text)
    (folder / "answers.json").write_text("{}")
    return await read_employees_file(file)


async def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    """Return line, message and remedy of each problem. Empty: the file has none."""
    try:
        await read(folder, text)
    except EmployeesFileInvalid as error:
        if KEY in f"{error} {error.hint} {msgspec.json.encode(error.data).decode()}":
            pytest.fail("the error shows the key")
        return [(each.line, each.message, each.remedy) for each in error.problems]
    return []


async def test_each_employee_is_what_hire_would_make_of_its_options(tmp_path: Path) -> None:
    file = await read(tmp_path, GOOD)
    postings = {each.name: each.posting for each in file.employees}
    openai = Hiring(name="coder", base_url="https://api.openai.com/v1", model="gpt-5", slots=2, key_env="MY_KEY")
    assert postings["coder"] == posting_of(openai)
    local = Hiring(
        name="local-one",
        base_url="http://127.0.0.1:11434/v1",
        model="qwen2.5-coder:7b",
        local=True,
        slots=1,
        key_env="MY_KEY",
    )
    assert postings["local-one"] == posting_of(local)
    priced = postings["priced"]
    assert (priced.price_in, priced.price_out, priced.wall_s) == (Decimal("2.50"), Decimal(10), 30.0)
    assert postings["player"] == Posting(
        name="player", kind="scripted", script=str(tmp_path / "answers.json"), slots=2
    ), "the path of a script is relative to the file"
    assert [(chain.role, chain.names) for chain in file.chains] == [
        ("implementer", ("coder", "local-one")),
        ("reviewer", ()),
    ]


async def test_all_problems_are_reported_together_with_their_lines(tmp_path: Path) -> None:
    text = f"""[defaults]
slot = 2
[employees.coder]
base-url = "https://api.openai.com/v1"
model = 5
wall-s = "long"
[employees.unpriced]
model = "m"
base-url = "https://models.example.com/v1"
[employees.keyed]
api-key = "{KEY}"
[employees."a b"]
script = "answers.json"
[employees.twice]
key-env = "A_KEY"
key_env = "B_KEY"
[employees.odd]
base-url = "ftp://models.example.com"
model = "m"
[fallback]
implementor = ["coder"]
reviewer = ["coder", "coder"]
[employee.late]
"""
    found = await problems(tmp_path, text)
    assert [line for line, _, _ in found] == [2, 5, 6, 7, 11, 12, 16, 18, 21, 22, 23]
    said = {line: (message, remedy) for line, message, remedy in found}
    assert said[2] == ("there is no option 'slot'", "slots")
    assert said[5] == ("model must be a text in quotes", 'model = "…"')
    assert said[6] == ("wall-s must be a number", "wall-s = 120.0")
    assert "price of m" in said[7][0]
    assert "price-in and price-out" in said[7][1]
    assert "--" not in f"{said[7]} {said[18]}", "options are named as the file writes them"
    assert "keys are never in this file" in said[11][0]
    assert 'key-env = "OPENAI_API_KEY"' in said[11][1]
    assert "plain name" in said[12][0]
    assert said[16] == ("the option key-env is there twice", "the option once")
    assert said[21] == ("there is no role 'implementor'", "implementer or reviewer")
    assert "twice" in said[22][0]
    assert said[23] == ("there is no table 'employee'", "[employees]")


@pytest.mark.parametrize(
    "entry",
    [
        f'key = "{KEY}"',
        f'API_KEY = "{KEY}"',
        'token = "x"',
        'password = "x"',
        f'key-env = "{KEY}"',
        f'model = "{KEY}"',
        'key-env = "not a variable"',
        f'base-url = "https://example.com/v1?key={KEY}"',
        'base-url = "https://ada:open-sesame@example.com/v1"',
    ],
)
async def test_an_entry_that_looks_like_a_key_is_refused_and_not_shown(tmp_path: Path, entry: str) -> None:
    ((line, message, remedy),) = await problems(tmp_path, f"[employees.coder]\nlocal = true\n{entry}\n")
    assert line == 3
    assert "looks like a key" in message
    assert "key-env" in remedy
    assert KEY not in message + remedy


async def test_the_name_of_a_variable_is_no_key(tmp_path: Path) -> None:
    text = """[employees.coder]
base-url = "http://127.0.0.1:1/v1"
model = "learn-coder-with-a-long-name-7b"
local = true
key-env = "MY_SECRET_TOKEN_KEY"
"""
    assert await problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[employees.coder\n", 1),
        ('[employees.coder]\nmodel = "m"\nmodel = "n"\n', 3),
        ("[employees.coder]\nmodel = m\n", 2),
        ('[employees.coder]\nmodel = """\n', 3),
        ("[employees.coder]\n[employees.coder]\n", 2),
    ],
)
async def test_a_text_that_is_not_toml_names_the_line(tmp_path: Path, text: str, line: int) -> None:
    ((found, message, _),) = await problems(tmp_path, text)
    assert found == line
    assert message.startswith("this is not TOML: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("employees = 3\n", "must be a table"),
        ("[employees]\ncoder = 3\n", "must be a table"),
        ("[fallback]\nreviewer = 'coder'\n", "must be a list of names"),
        ("[fallback]\nreviewer = [1]\n", "must be a list of names"),
        ("[employees.coder]\nscript = 'absent.json'\n", "There is no script"),
        ("[employees.coder]\nscript = 'answers.json'\nslots = 0\n", "slots 0 is not a number from 1 to 64"),
        ("[employees.coder]\nscript = 'answers.json'\nslots = 65\n", "slots 65 is not a number from 1 to 64"),
        ("[employees.coder]\nscript = 'answers.json'\noutput-tokens = 0\n", "must be above 0"),
        ("[employees.coder]\nscript = 'answers.json'\nsession = true\nsession-calls = 0\n", "cannot have 0 calls"),
        ("[employees.coder]\nscript = 'answers.json'\nslots = true\n", "must be a whole number"),
        ("[employees.coder]\nscript = 'answers.json'\nlocal = 1\n", "must be true or false"),
        ("[employees.coder]\nmodel = 'm'\n", "server and a model"),
        ("[employees.coder]\nprovider = 'nobody'\nmodel = 'm'\n", "There is no provider"),
        (f"[fallback]\nreviewer = {[f'e{number}' for number in range(17)]}\n", "too many"),
    ],
)
async def test_a_wrong_entry_is_explained(tmp_path: Path, text: str, message: str) -> None:
    ((line, said, remedy),) = await problems(tmp_path, text)
    assert message in said
    assert line > 0
    assert remedy


async def test_a_remedy_that_is_a_sentence_is_not_something_to_write(tmp_path: Path) -> None:
    file = tmp_path / "employees.toml"
    file.write_text("[employees.a]\nscript = 'absent.json'\n[employees.b]\nslot = 1\n")
    with pytest.raises(EmployeesFileInvalid) as refused:
        await read_employees_file(file)
    first, second = refused.value.hint.splitlines()
    assert ". Write it as JSON, for example" in first
    assert second == "employees.toml:4:1: there is no option 'slot'. Write: slots"


async def test_an_employee_of_the_file_may_work_in_sessions(tmp_path: Path) -> None:
    text = """[defaults]
script = "answers.json"
session-usd = 0.50
session-calls = 10
session = true
[employees.ada]
session-minutes = 5
[employees.ben]
session = false
"""
    ada, ben = (each.posting for each in (await read(tmp_path, text)).employees)
    assert ada.session is not None
    assert (ada.session.calls_max, ada.session.minutes, ada.session.usd_max) == (10, 5.0, Decimal("0.50"))
    assert ben.session is None


async def test_an_own_option_outweighs_a_default_that_contradicts_it(tmp_path: Path) -> None:
    text = """[defaults]
local = true
base-url = "http://127.0.0.1:1/v1"
key-env = "MY_KEY"
[employees.paid]
model = "m"
price-in = 1
price-out = 2
[employees.claude]
provider = "anthropic"
model = "claude-sonnet-4-5"
local = false
[employees.own]
model = "m"
"""
    paid, claude, own = (each.posting for each in (await read(tmp_path, text)).employees)
    assert (paid.price_in, paid.price, own.price) == (Decimal(1), "genai-prices", "zero")
    assert (claude.base_url, claude.api_key_env) == ("https://api.anthropic.com", "ANTHROPIC_API_KEY")
    assert (own.base_url, own.api_key_env) == (paid.base_url, "MY_KEY")


async def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        await read_employees_file(tmp_path / "absent.toml")
    with pytest.raises(Invalid, match="cannot be read"):
        await read_employees_file(tmp_path)
    file = tmp_path / "employees.toml"
    file.write_bytes(b"# \xff")
    with pytest.raises(Invalid, match="not UTF-8"):
        await read_employees_file(file)
    file.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(Invalid, match=f"The limit is {FILE_BYTES_MAX}"):
        await read_employees_file(file)
    file.write_bytes(b"\xef\xbb\xbf[employees]\r\n")
    assert (await read_employees_file(file)).employees == (), "control: an empty file, with a mark and CRLF"


async def test_the_number_of_employees_is_limited(tmp_path: Path) -> None:
    many = "".join(f"[employees.e{number}]\nscript = 'answers.json'\n" for number in range(EMPLOYEES_MAX + 1))
    ((_, message, _),) = await problems(tmp_path, many)
    assert message == f"there are {EMPLOYEES_MAX + 1} employees"


def test_every_option_of_hire_can_be_in_the_file() -> None:
    assert set(OPTIONS) == set(Hiring.__struct_fields__) - {"name"}


async def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    file = await read(tmp_path, example)
    assert [each.name for each in file.employees] == ["coder", "backup", "reader"]
    assert [chain.role for chain in file.chains] == ["implementer", "reviewer"]


ACCOUNTS = """
[accounts.main]
base-url = "https://api.example.com/v1"
key-env = "MAIN_KEY"
calls = 4
usd-per-day = 12.50

[accounts.spare]
base-url = "https://api.example.com/v1"
key-file = "spare.key"

[employees.coder]
model = "gpt-5"
accounts = ["main", "spare"]
price-in = 1
price-out = 2
"""


async def test_accounts_are_declared_with_their_limits(tmp_path: Path) -> None:
    (tmp_path / "spare.key").write_text("sk-1\n")
    file = await read(tmp_path, ACCOUNTS)
    main, spare = file.accounts
    assert (main.name, main.key_env, main.limits.calls_max) == ("main", "MAIN_KEY", 4)
    assert main.limits.usd_per_day == Decimal("12.50")
    assert spare.key_file == str(tmp_path / "spare.key")
    (coder,) = file.employees
    assert coder.posting.accounts == ("main", "spare")
    assert coder.posting.base_url == "https://api.example.com/v1", "the server of the first account"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("calls = 4", 'calls = "4"', "calls has another type"),
        ("calls = 4", "cals = 4", "an account has no option 'cals'"),
        ('key-env = "MAIN_KEY"', f'key-env = "{KEY}"', "this looks like a key"),
        ('["main", "spare"]', '["main", "other"]', "names the account 'other', which does not exist"),
        ('["main", "spare"]', '["main", "main"]', "one of them twice"),
        ('[accounts.main]\nbase-url = "https://api.example.com/v1"', "[accounts.main]", "needs a server"),
        (
            '[accounts.spare]\nbase-url = "https://api.example.com/v1"',
            '[accounts.spare]\nbase-url = "https://b.example/v1"',
            "its account spare is at https://b.example",
        ),
    ],
)
async def test_a_mistake_about_accounts_is_named(tmp_path: Path, before: str, after: str, says: str) -> None:
    (tmp_path / "spare.key").write_text("sk-1\n")
    assert before in ACCOUNTS
    with pytest.raises(EmployeesFileInvalid) as raised:
        await read(tmp_path, ACCOUNTS.replace(before, after))
    assert any(says in problem.message for problem in raised.value.problems), raised.value.problems
    assert KEY not in str(raised.value)
