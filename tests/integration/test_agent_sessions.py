"""A coding agent from the assignment to a verified task, with real servers and boxes.

Its program is small, and its model is a double.
"""

from decimal import Decimal

import msgspec
import pytest

from agents.cli_agents.library import FOLDER, template_named
from agents.cli_agents.toolbox import FOLDER as TOOLBOXES
from agents.cli_agents.toolbox import ToolboxListing, toolbox_name
from agents.employees.posting import AgentTerms, Posting
from director.services.hire_agent import posting_of_hire
from director.services.hire_options import Hiring
from domain import task
from domain.employee import SessionTerms
from tests.agent_doubles import turns_of
from tests.cli_agents import install, installed
from tests.integration.house import House, Sample, of
from tests.provider_double import Act, Provider, provider
from tests.providers import answering, endless

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox]
TEMPLATE = """
name = "small"
says = "a small program of the tests"
wire = "chat"
prompt = "stdin"
argv = ["python3", "-I", "-B", "{toolbox}/program.py", "{model}", "{flags}"]
own_files = [".small/**", "conftest.py"]

[pip]
none = "1"
"""
WORKS = """
import pathlib
def checked():
    return subprocess.run(["aura-check"], capture_output=True, text=True).stdout
def write(text):
    pathlib.Path("adder_t1.py").write_text(text)
task = sys.stdin.read()
write("def add(n):\\n    return n\\n")
first = checked()
status, said = ask(task + "\\n" + first)
write(said["choices"][0]["message"]["content"])
ask(checked())
pathlib.Path(".small").mkdir()
pathlib.Path(".small/state").write_text("its own")
pathlib.Path("conftest.py").write_text("# its own")
pathlib.Path("notes.txt").write_text("outside the scope")
"""
STUBBORN = """
while True:
    try:
        ask()
    except http.client.HTTPException:
        pass
"""


def posting(house: House, double: Provider, code: str, **terms: object) -> Posting:
    """Install the small agent in the home, and return the posting of an employee that is this agent."""
    folder = house.home / "employees" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.toml").write_text(TEMPLATE)
    template = template_named("small", house.home / "employees")
    toolbox = house.home / TOOLBOXES / toolbox_name(template)
    toolbox.mkdir(parents=True)
    install(toolbox, code)
    listing = ToolboxListing(template="small", packages={"none": "1"})
    (toolbox / "toolbox.json").write_bytes(msgspec.json.encode(listing))
    return Posting(
        name="ada",
        kind="openai",
        base_url=f"{double.address}/v1",
        model="hired-model",
        price_in=Decimal(3),
        price_out=Decimal(15),
        prompt_tokens_max=20_000,
        session=SessionTerms(**{"minutes": 5, **terms}),  # type: ignore[arg-type]  # fields of SessionTerms
        agent=AgentTerms(name="small", digest=template.digest, packages=template.packages(), flags=("--fast",)),
    )


@pytest.mark.slow
@pytest.mark.ci
async def test_an_agent_checks_works_and_hands_in(house: House) -> None:
    sample = Sample(1)
    async with provider(answering(sample.right("T1")["adder_t1.py"])) as double:
        await house.post(posting(house, double, WORKS))
        async with house.running():
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=40)
    (assigned,) = [each.event for each in of(log, run, "task.assigned")]
    assert isinstance(assigned, task.Assigned)
    assert assigned.form == "session"
    receipts = [each.event for each in of(log, run, "task.call_finished")]
    assert [event.index for event in receipts if isinstance(event, task.CallFinished)] == [0, 1]
    (submitted,) = [each.event for each in of(log, run, "task.submitted")]
    assert isinstance(submitted, task.Submitted)
    assert submitted.dropped == ("notes.txt",), "own files are dropped without a word"
    assert [*submitted.files] == ["adder_t1.py"]
    assert double.holds("A1: 0 of 1 visible cases")
    assert double.holds("A1: 1 of 1 visible cases")
    assert double.holds("while your program runs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "act", "terms", "outcome"),
    [
        ("sys.exit(ask()[0])", answering(), {}, "agent_failed"),
        (STUBBORN, endless(), {"usd_max": Decimal("0.08")}, "reservation_used_up"),
        ("while True: ask()", answering(), {"calls_max": 3}, "calls_used_up"),
    ],
)
async def test_an_agent_that_does_not_work_ends_with_a_reason(
    house: House, code: str, act: Act, terms: dict[str, object], outcome: str
) -> None:
    async with provider(act) as double:
        await house.post(posting(house, double, code, **terms))
        async with house.running():
            run = await house.submit(Sample(1), attempts_max=1)
            log = await house.until_type(run, "task.attempt_ended", wait_s=60)
    (ended,) = [each.event for each in of(log, run, "task.attempt_ended")]
    assert isinstance(ended, task.AttemptEnded)
    assert ended.outcome == outcome
    (assigned,) = [each.event for each in of(log, run, "task.assigned")]
    assert isinstance(assigned, task.Assigned)
    receipts = [each.event for each in of(log, run, "task.call_finished")]
    costs = [event.snapshot.cost for event in receipts if isinstance(event, task.CallFinished)]
    assert sum((cost.usd for cost in costs if cost is not None), Decimal(0)) <= assigned.reservation.usd


@pytest.mark.slow
async def test_an_agent_without_its_program_makes_no_call(house: House) -> None:
    async with provider(answering()) as double:
        ada = posting(house, double, WORKS)
        (house.home / TOOLBOXES).rename(house.home / "elsewhere")
        await house.post(ada)
        async with house.running():
            run = await house.submit(Sample(1), attempts_max=1)
            log = await house.until_type(run, "task.attempt_ended", wait_s=30)
    (ended, *_) = [each.event for each in of(log, run, "task.attempt_ended")]
    assert isinstance(ended, task.AttemptEnded)
    assert ended.outcome == "bad_settings"
    assert "aura toolbox small" in ended.message
    assert double.connections == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_real_program_of_claude_delivers(house: House) -> None:
    """From the hire to a delivery. The model is a double that plays scripted turns."""
    toolbox, sample = installed("claude"), Sample(1)
    (house.home / TOOLBOXES).symlink_to(toolbox.parent)
    right = sample.right("T1")["adder_t1.py"]
    commands = [f"cat > adder_t1.py <<'END'\n{right}END", "aura-check"]
    async with provider(turns_of("claude", commands)) as double:
        hired = posting_of_hire(
            Hiring(
                name="ada",
                cli="claude",
                model="hired-model",
                base_url=double.address,
                price_in="3",
                price_out="15",
                prompt_tokens=100_000,
                session_minutes=5.0,
            )
        )
        await house.post(hired)
        async with house.running():
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=200)
    receipts = [each.event for each in of(log, run, "task.call_finished")]
    assert len(receipts) == len(double.seen) == 3
    assert double.holds("A1: 1 of 1 visible cases")
    (submitted,) = [each.event for each in of(log, run, "task.submitted")]
    assert isinstance(submitted, task.Submitted)
    assert [*submitted.files] == ["adder_t1.py"]
