"""Every use case is called without the command line. It returns, raises or calls back, and never prints.

All use cases are called on one organisation, from founding to delivery. Each public function of director/services/ must
be called, so a new function without a call here makes the test fail.
"""

import asyncio
import importlib
import inspect
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from uuid import UUID

import msgspec
import pytest
from dulwich.repo import Repo
from msgspec.structs import replace

from agents.employees.account_files import load_accounts
from agents.employees.posting import Posting
from bus.store import Store
from director.doctor.report import diagnose, missing_parts
from director.doctor.sandbox_image import probe_boxes
from director.services import (
    accounts,
    accounts_table,
    appeals,
    approvals,
    attempt,
    attempt_calls,
    attempt_orders,
    attempt_record,
    attestations,
    backtest,
    base_check,
    base_notes,
    base_secrets,
    blacklist,
    bring_down,
    bring_up,
    budget,
    callers,
    career_view,
    careers,
    causes,
    changes,
    chat,
    chat_answers,
    chat_draft,
    chat_grammar,
    checked_posting,
    comments,
    cost_views,
    costs,
    degraded,
    delivery_cards,
    discovery,
    employee_options,
    employee_record,
    employee_trial,
    employees_file,
    estimates,
    event_browser,
    events,
    halt_receipt,
    hand_in,
    health_view,
    hire_agent,
    hire_options,
    hiring,
    hr_rules,
    importance,
    inbox,
    incidents,
    judge,
    judged_source,
    kept_results,
    law,
    left_out,
    log_check,
    model_facts,
    moment,
    moved_base,
    name_holders,
    named_staff,
    near_causes,
    organisation_chart,
    override,
    overview_at,
    page_views,
    parked,
    past_acts,
    people,
    person_acts,
    positions,
    present_posting,
    process_list,
    process_logs,
    rehiring,
    repair,
    repeated_run,
    replay,
    requirements,
    rerun,
    review_cases,
    reviewers,
    rights,
    routing_bench,
    routing_setting,
    run_at,
    run_attempts,
    run_code,
    run_end,
    run_list,
    run_record,
    run_simulation,
    run_timeline,
    scorecard_views,
    scorecards,
    sent_texts,
    session,
    shadow_run,
    shadow_views,
    stack_status,
    staff,
    staff_backtest,
    staff_changes,
    staff_file,
    state,
    submit,
    times,
    toml_lines,
    toolboxes,
    top_bar,
    usage_file,
    user_acts,
    verdicts,
    views,
    waiting,
    worker_credentials,
)
from director.services.session import DirectorSession, archive, desk
from director.settings import Settings
from director.terminal.event_text import Story
from domain import run as run_rules
from domain.caps import Limit
from domain.errors import AuraError, Conflict, Invalid, NotFound, Refused, Unauthenticated
from domain.estimate import Estimate
from domain.money import Amount
from governance.keys import Principal
from runtime.roles import CONSUMERS
from tests.acceptance.cli import POLL_S, WAIT_S
from tests.clusters import open_folder, with_cluster
from tests.integration.house import Sample
from verification.backtest.commits import FixCommit
from verification.backtest.employee_results import Effort
from verification.backtest.model import Report, summary_of
from verification.backtest.trial import Excluded
from verification.requirements.parser import read_requirement
from verification.verdict.base_notes import NONE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
]

SERVICES = Path(session.__file__).parent
ELSEWHERE = {
    "incident_acts.incident_step": "tests/integration/test_http_denials.py",
    "base_secrets.refuse_new_secrets": "tests/unit/test_base_secrets.py",
    "base_secrets.secrets_of": "tests/unit/test_base_secrets.py",
    "employee_trial.question_of": "tests/acceptance/test_cli_staff_backtest.py",
    "moved_base.return_to_work": "tests/acceptance/test_moved_base.py",
    "repeated_run.repeated": "tests/unit/test_shadow.py",
    "review_cases.ReviewCases.submission": "tests/acceptance/test_cli_reviewers.py",
    "submit.stored_history": "tests/integration/test_submitted_history.py",
}
"""Functions that cannot be called in the state of this test, with the test that calls each of them."""
NAME = "anna"


@contextmanager
def called() -> Iterator[set[CodeType]]:
    """Collect the code of each function that is called."""
    seen: set[CodeType] = set()

    def see(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    sys.setprofile(see)
    threading.setprofile(see)  # of threads that begin from now on
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def use_cases() -> dict[str, CodeType]:
    """Return the public functions of all services, and the public methods of their classes."""
    found: dict[str, CodeType] = {}
    for file in sorted(SERVICES.glob("*.py")):
        if file.stem == "__init__":
            continue
        module = importlib.import_module(f"director.services.{file.stem}")
        for name, value in vars(module).items():
            if getattr(value, "__module__", "") == module.__name__ and name[0] != "_":
                found |= {f"{file.stem}.{path}": function.__code__ for path, function in functions(name, value)}
    return found


def functions(name: str, value: object) -> Iterator[tuple[str, FunctionType]]:
    """Yield a function without its decorators. For a class, yield its public methods."""
    members = vars(value).items() if isinstance(value, type) else ()
    for path, each in [(name, value), *((f"{name}.{method}", each) for method, each in members if method[0] != "_")]:
        function = inspect.unwrap(each) if callable(each) else None
        if isinstance(function, FunctionType):
            yield path, function


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Return the settings of a separate home in which nothing was ever started."""
    folder = open_folder("aura-services-")
    monkeypatch.setenv("AURA_HOME", str(folder / "home"))
    monkeypatch.setenv("AURA_ALLOW_DEGRADED", "1")
    with_cluster(folder / "home")
    yield Settings()
    shutil.rmtree(folder, ignore_errors=True)


async def test_every_use_case_is_called_without_the_command_line_and_prints_nothing(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with called() as seen:
        await before_anything_runs(settings, tmp_path)
        await bring_up.bring_up(settings, said, model=False)
        try:
            await at_work(settings, tmp_path)
        finally:
            down = await bring_down.bring_down(settings)
        async with archive(settings) as store:  # the record can be read when nothing runs
            assert (await replay.checked_replay(store)).differences == ()
    assert (down.was_running, down.drained) == (True, True)
    assert capfd.readouterr() == ("", "")
    missed = {name for name, code in use_cases().items() if code not in seen}
    assert missed == set(ELSEWHERE), "call each use case here, or name in ELSEWHERE the test that does"


async def under_the_rules_of_hr(settings: Settings) -> None:
    """Call the use cases of HR about an employee without strikes. test_hr_at_work.py calls them with strikes."""
    assert (await careers.place(settings, "carl", "mid", "asked")).seq > 0
    with pytest.raises(Invalid):
        await careers.place(settings, "carl", "boss", "asked")
    async with archive(settings) as store:
        assert [career.tier for career in (await career_view.careers_in(store, settings)).values()][-1] == "mid"
    assert await appeals.open_appeals(settings) == []
    with pytest.raises(NotFound):
        await appeals.file_appeal(settings, "carl", "0", "asked")
    with pytest.raises(NotFound):
        await appeals.decide_appeal(settings, "carl", "0", granted=True, reason="asked")
    with pytest.raises(Refused):
        await rehiring.rehire(settings, "carl", "asked")
    routed = await routing_setting.show_routing(settings)
    assert (routed.strategy, routed.value_usd, routed.is_set) == ("cascade", None, True)
    assert {(line.name, line.attempts) for line in routed.evidence} >= {("anna", 2)}
    assert (await routing_setting.set_routing(settings, None, "0.50")).strategy == "cascade"
    assert (await routing_setting.set_routing(settings, "turns", "budget")).value_usd is None
    assert (await routing_setting.set_routing(settings, "cascade", None)).seq > 0
    with pytest.raises(Invalid):
        await routing_setting.set_routing(settings, "dice", None)
    with pytest.raises(Invalid):
        await routing_setting.set_routing(settings, None, "much")
    version = str(UUID(int=7))
    assert (await blacklist.add_version(settings, version, "asked")).employees == ()
    assert [line.reason for line in await blacklist.list_blacklist(settings)] == ["asked"]
    assert (await blacklist.remove_version(settings, version, "asked")).seq > 0


async def with_accounts(settings: Settings, folder: Path) -> None:
    """Call the use cases of accounts."""
    options = accounts.AccountOptions(name="main", base_url="http://127.0.0.1:1/v1", calls=2, usd_per_day="1.50")
    assert (await accounts.add_account(settings, options)).seq > 0
    with pytest.raises(Conflict):
        await accounts.add_account(settings, options)
    async with desk(settings) as opened:
        assert (await accounts.set_account(opened, accounts.account_of(options))).seq == 0
    known = load_accounts(settings.employees)
    wanted = checked_posting.with_server_of_account(hire_options.Hiring(name="eve", model="m", accounts="main"), known)
    assert wanted.base_url == hire_options.address_of_server(" http://127.0.0.1:1/v1 ")
    assert hire_options.account_names("main, spare") == ("main", "spare")
    await hiring.hire(settings, replace(wanted, local=True))
    (line, *nameless) = await accounts.list_accounts(settings)
    assert (line.name, line.employees, line.state, line.limits.calls_max) == ("main", ("eve",), "open", 2)
    assert all(not each.name for each in nameless)
    assert await accounts.one_account(settings, "main") == line
    with pytest.raises(Refused, match="is used by eve"):
        await accounts.drop_account(settings, "main", "asked")
    assert (await accounts.reopen_account(settings, "main", "asked")).seq > 0
    await hiring.update(settings, hire_options.Hiring(name="eve", accounts=""))
    assert (await accounts.drop_account(settings, "main", "asked")).seq > 0
    await hiring.dismiss(settings, "eve", "asked")
    problems: list[str] = []
    read = accounts_table.read_accounts(
        {"spare": {"base-url": "http://127.0.0.1:1/v1", "calls": "2"}},
        folder,
        lambda _path, message, _remedy: problems.append(message),
        lambda _path: None,
    )
    assert (read, problems) == ({}, ["calls has another type"])


async def before_anything_runs(settings: Settings, folder: Path) -> None:
    """Call the use cases that need no servers."""
    assert missing_parts(await diagnose(settings, {})) is None
    assert (await probe_boxes(settings)).backend
    assert (await stack_status.stack_data(settings))["running"] is False
    assert not await stack_status.is_served(1)
    assert (await bring_down.bring_down(settings)).was_running is False
    assert await bring_up.box_faults(settings, allow_degraded=True) is not None
    with pytest.raises(Invalid):
        bring_up.openai_posting(settings)
    assert hr_rules.rules_in_force(settings).file == ""
    with pytest.raises(NotFound):
        hr_rules.check_rules(folder / "rules.toml")
    nothing = run_simulation.Work(after=(), attempts_max=1, usd=Decimal(0), tokens=0, seconds=0)
    assert run_simulation.estimate(nothing, [], seed=1) is None
    assert times.microseconds("1970-01-01T00:00:01") == 1_000_000
    assert state.view_named("manager.run").table == "run"
    with pytest.raises(NotFound):
        replay.projection_named("nobody")
    assert employee_options.converted("price_in", 2) == "2"
    assert toml_lines.lines_of("slots = 2") == {("slots",): 1}
    posting = Posting(name="ada", kind="scripted", delay_s=1.0)
    assert name_holders.holder_of([], "ada", posting) is name_holders.last_dismissed([], "ada") is None
    for keep in (present_posting.with_digest, present_posting.with_present_limits):
        assert keep(Posting(name="ada", kind="scripted"), posting) == posting

    written = requirements.write_template(folder / "own.md", "library")
    requirement = read_requirement(written[0])
    base = base_check.base_beside(requirement, written[0], folder)
    tried = await base_check.tried_on_base(requirement, base, settings, required=True, say=said)
    tried.agree()
    consent = base_secrets.consent_to(base, "")
    assert base_secrets.shared_secrets(consent) == ()
    assert requirements.check_data(requirement, base, tried.seen, consent)["tasks"]
    assert requirements.summary(requirement) in requirements.check_text(requirement, base, tried.seen)

    assert requirements.placeholders_left(written) > 0
    assert requirements.placeholders_left(requirements.write_example(folder / "first.md")) == 0
    assert requirements.base_around(written[0]) is None
    assert requirements.placeholders_left(requirements.write_starting_point(folder / "fix.md", "bugfix")) > 0
    await degraded.require_limits(settings, (), allow_degraded=False)

    results = folder / "results.csv"
    results.write_text("model,problem,category,correct,cost_usd\na,p,c,1,0.1\nb,p,c,1,0.2\n", encoding="utf-8")
    wanted = routing_bench.RoutingBench(table=results, value_usd=Decimal(1), seeds=1)
    assert routing_bench.bench_routing(wanted).best_single == "a"

    Repo.init(str(folder / "empty"), mkdir=True).close()
    with pytest.raises(AuraError):
        await backtest.run_backtest(backtest.Backtest(repo=folder / "empty"), settings, note=said)
    async with backtest.setting_of(settings, allow_degraded=True) as setting:
        assert setting.allow_degraded
    assert backtest.wrong_verdicts(Report(repo="", results=(), summary=summary_of(()))) is None
    assert moved_base.unreadable_base(NotFound("It is gone.", hint="Look for it.")).endswith("It is gone.")


async def at_work(settings: Settings, folder: Path) -> None:
    """Call the other use cases, on a released run and on a cancelled run."""
    sample = Sample(1)
    script = folder / "answers.json"
    script.write_text(json.dumps({"T1": [sample.wrong("T1"), sample.right("T1")]}))
    async with desk(settings) as opened:
        await bring_up.found(opened)
        hired = await hiring.ensure(opened, Posting(name=NAME, kind="scripted", script=str(script)))
        assert hired is not None
        assert await session.find_employee(opened.store, NAME) == hired.employee
        assert await named_staff.named_staff(settings, [NAME]) == (hired.employee,)
        with pytest.raises(NotFound, match="no branch HEAD"):
            await employee_trial.try_employee(employee_trial.Trial(repo=folder / "empty", employee=NAME), settings)
        assert employee_trial.effort_of([]).attempts == 0
        assert employee_trial.why_excluded(Excluded("it changes no code")) == "it changes no code"
        run = await handed_in(opened, sample, folder)
        await delivered(opened, run)
        await seen_from_the_record(opened, run)
        assert (await run_end.RunEnd(opened, said).of(run)).phase == "delivered"
        await of_the_screens(settings, opened.store)
        await judged(settings, opened, run, folder / "adders.md")
        await about_the_whole(settings, opened)
        line = await approvals.approve_run(opened, run, reason="as asked", note=said)
        assert line["outcome"] == "delivered"
        assert await session.gone_on(opened.store, run, "delivered")

        stopped = await law.pause(opened, "a look around")
        other = await handed_in(opened, sample, folder)
        assert (await approvals.reject_run(opened, other, "not needed"))["outcome"] == "cancelled"
        assert (await budget.budget_of(opened.store)).limit == bring_up.CAP
        assert (await budget.set_cap(opened, Limit(usd=Decimal(50)), day=True)).seq > stopped.seq
        with pytest.raises(Invalid, match="exactly one cap"):
            await budget.set_cap(opened, None, day=True, account="key")
        assert (await budget.set_cap(opened, None, day=True)).seq
        with pytest.raises(Refused, match="cannot be raised"):
            await budget.raise_budget(opened, str(other), Amount(Decimal(1)))
        with pytest.raises(Refused, match="does not ask"):
            await budget.refuse_budget(opened, str(other), "no")
        assert all(cap.warned for cap in await budget.warned_caps(opened.store))
        halted = await law.halt(opened, "stop")
        receipt = await halt_receipt.receipt_of(opened.store, halted)
        assert (receipt.seq, receipt.halted) == (halted.seq, True)
        assert halt_receipt.silent(receipt) == [], "each component has answered"
        resumed = await law.resume(opened, "go on")
        assert not (await halt_receipt.last_halt(opened.store)).halted
        await limits_accepted(settings, opened)
        limited = await law.set_budget(opened, Amount(Decimal(5), 10**9))
        assert stopped.seq < halted.seq < resumed.seq < limited.seq
    await of_the_staff(settings, str(script))
    await of_the_auditor(settings)
    await of_shadow_runs(settings)
    await of_the_workers(settings)
    await of_the_agents(settings)
    await of_people(settings)


async def of_shadow_runs(settings: Settings) -> None:
    """Refuse a shadow run of an unknown task. test_cli_shadow.py makes shadow runs."""
    with pytest.raises(NotFound, match="has no task T9"):
        await shadow_run.shadow_run(shadow_run.ShadowRequest(run="last", task="T9", employee=NAME), settings)
    assert await shadow_views.shadow_scores(settings) == []
    nothing = shadow_run.TaskOutcome(run=UUID(int=1), employees=(), verified=True, findings=(), effort=Effort())
    result = shadow_run.ShadowResult(task="T1", employee=NAME, verified=True, reason="", shadow=nothing, before=nothing)
    assert shadow_run.not_verified(result) is None
    with pytest.raises(NotFound):
        await staff_backtest.backtest_staff(
            staff_backtest.StaffBacktest(repo=Path("/nowhere"), staff=(NAME,), usd_max=Decimal(1)), settings
        )
    assert repeated_run.planned_again(()) == ()
    fix, folder = FixCommit(id="a1", parent="", message="", changed=()), settings.home / "results"
    kept_results.keep_result(folder, fix, effort := Effort())
    assert kept_results.kept_result(folder, fix, msgspec.json.Decoder(Effort)) == effort
    wanted = reviewers.ReviewerCheck(names=(NAME,), defects=1)
    with pytest.raises(Refused, match="may not review"):
        await reviewers.check_reviewers(wanted, settings, on_review=lambda _n, _i, _c: None, note=said)
    async with desk(settings) as opened:
        assert await review_cases.accepted_works(opened)


async def of_people(settings: Settings) -> None:
    """Add two users, change their roles, and make and revoke a token."""
    secret = "correct horse battery"
    async with desk(settings) as opened:
        assert (await people.init_user(opened, "anna", secret)).roles == ("director",)
        with pytest.raises(Conflict, match="has users already"):
            await people.init_user(opened, "bert", secret)
        with pytest.raises(Invalid, match="A password has at least"):
            await people.add_user(opened, "bert", ["viewer"], "short")
        with pytest.raises(NotFound):
            await people.find_user(opened.store, "bert")
        await people.add_user(opened, "bert", ["viewer"])
        await people.set_password(opened, "bert", secret)
        changed = await people.change_roles(opened, "bert", grant=["approver"], revoke=["viewer"], reason="asked")
        assert changed.roles == ("approver",)
        with pytest.raises(Invalid, match="No role is named"):
            await people.change_roles(opened, "bert", reason="asked")
        made = await people.create_token(opened, "bert", scopes=["read"], days=1)
        assert [line.state for line in await people.list_tokens(opened.store)] == ["open"]
        assert await people.revoke_token(opened, str(made.token)) == made.token
        assert (await people.disable_user(opened, "bert", "asked")).disabled
        assert not (await people.enable_user(opened, "bert", "asked")).disabled
        issuer = "https://id.example.org"
        assert len((await people.link_user(opened, "bert", issuer, "b-1")).identities) == 1
        with pytest.raises(Conflict, match="linked to the user bert"):
            await people.link_user(opened, "anna", issuer, "b-1")
        assert (await people.unlink_user(opened, "bert", issuer, "b-1", "asked")).identities == ()
        with pytest.raises(NotFound, match="has no identity"):
            await people.unlink_user(opened, "bert", issuer, "b-1", "asked")
        assert [line.name for line in await people.list_users(opened.store)] == ["anna", "bert"]
        assert await people.refused_sign_ins(opened.store) == []
        line, secret = await people.sign_in_link(opened)
        assert (line.name, len(secret)) == ("anna", 43)
        anna = DirectorSession(settings, opened.office, Principal(line.user, "user"))
        await acts_of_a_user(anna)
        await calls_from_outside(opened)
        await texts_from_outside(opened)


async def calls_from_outside(opened: DirectorSession) -> None:
    """Find out who calls with a token and who is at the machine, and whether they may read."""
    known = callers.Callers(opened.settings, opened.office)
    made = await people.create_token(opened, "bert", scopes=["read"], days=1)
    bert = await known.by_bearer(f"Bearer {made.text}")
    assert (await known.by_token(made.text)).user == bert.user
    assert ((await known.state(bert)).name, (await known.reader(bert)).acting) == ("bert", ("approver",))
    assert await known.still_reads(bert)
    await people.revoke_token(opened, str(made.token))
    assert not await known.still_reads(bert)
    with pytest.raises(Unauthenticated):
        await known.by_bearer(f"Bearer {made.text}")
    anna = await known.at_home("anna")
    assert await known.still_reads(anna)
    assert known.session(anna).gate.principal == Principal(anna.user, "user")
    with pytest.raises(NotFound):
        await known.at_home("nobody")


async def texts_from_outside(opened: DirectorSession) -> None:
    """Estimate and judge a requirement and files that come as texts."""
    sample = Sample(1)
    sent = sent_texts.SentTexts(
        requirement=sample.source.decode(), sealed=sample.sealed.decode(), files=sample.wrong("T1")
    )
    with sent_texts.written(sent) as (file, tree):
        assert (await sent_texts.estimate_file(opened.store, file, 6)).title == "Adders"
        assert not (await sent_texts.judge_folder(opened.settings, file, tree)).verdict.verified
    assert not (await sent_texts.judge_texts(opened.settings, sent)).verdict.verified
    with pytest.raises(Invalid, match="leaves the project"):
        await sent_texts.judge_texts(opened.settings, replace(sent, files={"../x.py": ""}))


async def acts_of_a_user(anna: DirectorSession) -> None:
    """Submit, cancel, and stop the organisation, as a user."""
    sample = Sample(1)
    asked = user_acts.Asked(requirement=sample.source.decode(), sealed=sample.sealed.decode())
    id = session.new_id()
    with session.acting_as(anna, iter([id])):
        async with desk(anna.settings) as same, archive(anna.settings) as store:
            assert same is anna
            assert store is anna.store
        assert session.new_id() == id
    assert (await user_acts.stop(anna, session.new_id(), "pause", "nobody works on it")).events
    acted = await user_acts.submit_text(anna, id, asked)
    assert acted.run is not None
    assert (await user_acts.submit_text(anna, id, asked)).run == acted.run
    with pytest.raises(AuraError):
        await user_acts.approve(anna, session.new_id(), acted.run, "0" * 40, "asked")
    assert (await user_acts.end(anna, session.new_id(), acted.run, "cancelled", "asked")).seq
    await more_acts_of_a_user(anna, acted.run)
    await words_of_a_user(anna, acted.run)
    stops = [await user_acts.stop(anna, session.new_id(), how, "asked") for how in ("halt", "resume")]
    assert all(len(stop.events) == 1 for stop in stops)


async def words_of_a_user(anna: DirectorSession, run: UUID) -> None:
    """Ask the manager, and confirm a draft."""
    store, text = anna.store, f"rerun {run}"
    assert await chat_draft.run_named(store, str(run)) == run
    question = chat_grammar.read_message("costs")
    assert isinstance(question, chat_grammar.Question)
    assert (await chat_answers.answered(store, anna.settings, question)).lines
    assert chat_grammar.not_understood("x").code == "not_understood"
    wish = chat_grammar.read_message(text)
    assert isinstance(wish, chat_grammar.Wish)
    draft = await chat_draft.drafted(store, wish)
    assert (await chat.reply_to(store, anna.settings, text)).draft == draft
    source = Sample(1).source.decode()
    assert (await user_acts.requirement_in(user_acts.Asked(requirement=source))).title == "Adders"
    acted = await chat.confirm(anna, session.new_id(), text, draft.digest)
    (message,) = (await chat.messages(store)).messages
    assert message.events[-1].seq == acted.seq
    assert anna.caused_by(message.events[0].envelope.id).gate.principal == anna.gate.principal
    assert acted.run is not None
    assert (await user_acts.end(anna, session.new_id(), acted.run, "cancelled", "asked")).seq


async def more_acts_of_a_user(anna: DirectorSession, ended: UUID) -> None:
    """Try the acts on work and employees on a cancelled run. test_director_acts.py shows that they succeed."""
    again = await person_acts.asked_again(anna, session.new_id(), ended)
    assert again.run is not None
    assert (await user_acts.end(anna, session.new_id(), again.run, "cancelled", "asked")).seq
    remark = comments.Remark(text="shorter names")
    for act in (
        person_acts.returned(anna, session.new_id(), ended, "0" * 40, [remark]),
        person_acts.commented(anna, session.new_id(), ended, remark),
        person_acts.raised_budget(anna, session.new_id(), ended, Amount(Decimal(1)), "", "asked"),
        person_acts.reinstated(anna, session.new_id(), NAME, "asked"),
        override.override_run(
            anna, override.OverrideRequest(run=ended, reason="asked", confirmation="not verified"), id=session.new_id()
        ),
    ):
        with pytest.raises(AuraError) as refused:
            await act
        assert refused.value.code != "forbidden"
    assert (await person_acts.blacklisted(anna, session.new_id(), str(UUID(int=9)), "asked")).seq
    with pytest.raises(Invalid, match="typed confirmation"):
        override.confirm("yes")
    state = await session.run_state(anna.store, ended)
    assert state.submitted is not None
    assert override.submission_of(state.submitted, again.run, session.new_id())["title"] == state.submitted.title


async def of_the_agents(settings: Settings) -> None:
    """List the coding agents, refuse an unknown one, and make the posting of a known one."""
    assert {"claude", "codex"} <= {agent.name for agent in toolboxes.list_agents(settings)}
    with pytest.raises(NotFound):
        await toolboxes.install_agent(settings, "nobody", lambda _: None)
    posting = hire_agent.posting_of_hire(hire_options.Hiring(name="coder", cli="claude", model="claude-sonnet-4-5"))
    assert posting.agent is not None
    assert (posting.agent.name, posting.kind) == ("claude", "anthropic")


async def of_the_workers(settings: Settings) -> None:
    """Add a credential of a worker, and remove it again."""
    added = await worker_credentials.add_worker(settings, "far", [NAME], address="nats.example.org:4222")
    assert added.file is not None
    assert Path(added.file).read_text().endswith("@nats.example.org:4222\n")  # noqa: ASYNC240
    assert [known.name for known in worker_credentials.list_workers(settings)] == ["workers", "far"]
    await worker_credentials.remove_worker(settings, "far")
    assert "WORKER_workers" in worker_credentials.server_accounts()


async def of_the_staff(settings: Settings, script: str) -> None:
    """Hire a second employee, and dismiss it again."""
    wanted = hire_options.Hiring(name="bert", script=script)
    posting = hire_options.posting_of(wanted)
    assert await model_facts.with_facts(posting, wanted) == (posting, ""), "a script has no server"
    (silent,) = (await discovery.discover(settings, ["127.0.0.1:1"], usual={}, on_progress=said)).unanswered
    assert silent.code == "connection"
    hired = await hiring.hire(settings, wanted)
    with pytest.raises(Conflict):
        await hiring.hire(settings, wanted)
    assert (await hiring.update(settings, wanted)).change == "unchanged"
    assert (await hiring.rename(settings, "bert", "carl")).employee == hired.employee
    assert (await staff.suspend(settings, "carl", "asked")).employee == hired.employee
    with pytest.raises(Refused, match="carl is suspended"):
        await named_staff.named_staff(settings, ["carl"])
    assert (await staff.reinstate(settings, "carl", "asked")).employee == hired.employee
    await under_the_rules_of_hr(settings)
    await with_accounts(settings, Path(script).parent)
    listed = await staff.list_staff(settings, probe=True, on_progress=said)
    assert [(member.name, member.probe) for member in listed.employees] == [(NAME, "ok, 0.0 s"), ("carl", "ok, 0.0 s")]
    await declared_in_a_file(settings, script)
    assert (await hiring.dismiss(settings, "carl", "asked")).employee == hired.employee
    assert [score.verified for score in await staff.scores(settings)] == [1]
    card = await scorecards.scorecard(settings, NAME, events=True)
    assert sum(each.verified for each in card.cards) == 1
    assert "verified" in {each.number for each in card.events}
    assert [each.verified for each in await scorecards.suppliers(settings, "maker")] == [1]
    with pytest.raises(Invalid, match="no grouping colour"):
        await scorecards.suppliers(settings, "colour")
    assert [line.usd_held for line in (await estimates.list_estimates(settings)).runs] == [None, True], "one cancelled"
    assert cost_views.ESTIMATES in cost_views.QUERIES
    assert scorecard_views.SCORECARDS in scorecard_views.QUERIES
    assert any(cost.calls for cost in await costs.costs(settings))
    async with archive(settings) as store:
        assert await costs.costs_in(store, costs.CostRequest()) == await costs.costs(settings)
    assert (costs.labels_of(["team=web"]), costs.dimensions_of("run")) == ({"team": "web"}, ("run",))
    file = b"day,model,input_tokens\n2026-01-31,m,1\n2026-01-31,m,2\n"
    (line,) = await costs.compare_usage(settings, file, costs.CostRequest())
    assert line.theirs is not None
    assert not line.theirs.differs(usage_file.Usage(input_tokens=3))
    assert (line.theirs, line.differs) == (usage_file.read_usage(file)["2026-01-31", "m"], True)


async def of_the_auditor(settings: Settings) -> None:
    """List the incident of a rejected command, show it, and close it."""
    async with archive(settings) as store:
        assert await incidents.severe_and_open(store) == []
        assert await incidents.list_incidents(store, incidents.Wanted(state="unclosed")) == []
        with pytest.raises(NotFound):
            await incidents.incident_story(store, "last")
    with pytest.raises(NotFound):
        await incidents.move_incident(settings, "last", "close", "none")
    with pytest.raises(Invalid):
        incidents.Wanted(state="shut")


async def of_the_screens(settings: Settings, store: Store) -> None:
    """Read what the screens show, now and as of an earlier event."""
    last = await store.recorded_up_to()
    past = await moment.store_as_of(store, "3")
    assert (await run_list.runs_page(past, run_list.RunsWanted())).runs == ()
    assert (await run_list.runs_page(store, run_list.RunsWanted())).runs
    assert page_views.RUNS_PAGE in page_views.QUERIES
    assert (await incidents.incidents_page(store, incidents.Wanted(state="unclosed"))).next is None
    assert (await events.events_page(store, events.Filter(), 2)).next == 2
    assert (await events.search_of(store, events.Filter(kind="run."))).type == "run."
    assert await events.find_entity(store, NAME) == await session.find_employee(store, NAME)
    drawn = await organisation_chart.chart(store, settings)
    assert NAME in {person.name for person in drawn.employees}
    record = await employee_record.employee_record(store, settings, NAME)
    assert record.scorecard == await scorecards.scorecard_in(store, settings, record.person.employee, events=True)
    assert (await event_browser.browse(store, event_browser.BrowseWanted(limit=1))).events[0].seq == last
    kept = await event_browser.stored_event(store, "1")
    assert event_browser.browsed((await store.read(0, limit=1))[0]) == kept.event
    (submitted,) = [each for each in await store.read(0) if each.envelope.type == "run.submitted"][:1]
    near = await near_causes.explain_near(store, submitted)
    assert [each.seq for each in near.effects] == [e.seq for e in (await causes.explain(store, submitted)).effects]
    assert (await near_causes.named_story(store, [submitted])).names
    assert await causes.causes_of(store, submitted) == ([], False)
    assert causes.told(submitted, await near_causes.named_story(store, [])).seq == submitted.seq
    assert (await log_check.check_log(store, 0, 2)).problems == ()
    (body,) = await log_check.bodies(store, 0, 1)
    assert (log_check.leaf_hash(body["envelope"]), log_check.commitment_fits(body)) == (kept.hash, True)
    assert importance.importance_of("run.approved") == "high"
    assert "run.approved" in importance.types_at_least("normal")
    assert (await past_acts.past_acts(store)).acts
    assert (await positions.positions(store)).recorded_up_to >= last
    assert (await health_view.health(store)).checks
    assert incidents.steps_after("acknowledged") == ["work", "close"]
    assert (await rights.rights(store)).rights == rights.matrix()


async def declared_in_a_file(settings: Settings, script: str) -> None:
    """Update and hire employees by employees.toml, and set a fallback chain."""
    file = settings.employees_file
    entry = f'[defaults]\nscript = "{script}"\n[employees.carl]\nslots = 2\n[employees.dora]\n[fallback]\n'
    file.write_text(entry + 'implementer = ["nobody"]\n')
    with pytest.raises(employees_file.EmployeesFileInvalid, match="1 problem"):
        await staff_file.apply(settings, file, staff_changes.Wanted())
    for chain in (f'["carl", "{NAME}"]', "[]"):
        file.write_text(f"{entry}implementer = {chain}\n")
        planned = await staff_file.apply(settings, file, staff_changes.Wanted(dry_run=True))
        applied = await staff_file.apply(settings, file, staff_changes.Wanted())
        assert [each.change for each in planned.employees] == [each.change for each in applied.employees]
        assert staff_changes.changes_in_words(applied).endswith("fallback chain of the role implementer set")
    file.unlink()
    await hiring.dismiss(settings, "dora", "asked")


async def limits_accepted(settings: Settings, opened: DirectorSession) -> None:
    """Accept that this machine does not enforce a limit, and withdraw it.

    Without the acceptance the limit is required.
    """
    missing, here = ("tree memory",), settings.machine_id
    with pytest.raises(Refused, match="tree memory"):
        await degraded.require_limits(settings, missing, allow_degraded=False)
    (accepted,) = await degraded.accept_limits(opened, ["memory"], here, "a laptop")
    assert (accepted.machine, accepted.limit, accepted.reason) == (here, "tree memory", "a laptop")
    assert await degraded.accepted_here(settings) == {"tree memory"}
    await degraded.require_limits(settings, missing, allow_degraded=False)
    with pytest.raises(Refused, match="processes"):
        await degraded.require_limits(settings, (*missing, "processes"), allow_degraded=False)
    assert await degraded.withdraw_limits(opened, ["memory"], here, "it has groups") == []
    assert await degraded.accepted_limits(opened.store) == []
    assert degraded.refused(missing).code == "sandbox_degraded"


async def handed_in(opened: DirectorSession, sample: Sample, folder: Path) -> UUID:
    """Submit a requirement file."""
    file = folder / "adders.md"
    file.write_bytes(sample.source)
    file.with_name("adders.sealed.yaml").write_bytes(sample.sealed)
    runs: list[UUID] = []
    wanted = hand_in.HandIn(file=file, allow_degraded=True)
    assert wanted.attempts_max == submit.ATTEMPTS_MAX
    ready = await hand_in.ready_to_hand_in(wanted, opened.settings, said)
    prices: list[Estimate | None] = []
    run = (await hand_in.hand_in(opened, ready, note=said, on_handed_in=runs.append, on_estimate=prices.append)).run
    assert await estimates.estimated(opened.settings, ready.requirement, wanted.attempts_max) == prices[0]
    assert len(await attempt_orders.attempt_orders(opened.store, ready.requirement, {})) >= 1
    assert runs == [run] == [await session.find_run(opened.store, str(run))]
    return run


async def delivered(opened: DirectorSession, run: UUID) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if [row["run"] for row in await approvals.waiting_runs(opened.store)] == [run]:
                break
            await asyncio.sleep(POLL_S)
    line = await views.RUN.first(opened.store, run)
    assert line is not None
    assert (line.phase, line.spent_usd) == ("delivered", Decimal(0))
    assert (await views.rows(opened.store, views.RUN.name, run))[0]["phase"] == line.phase


async def for_the_pages(opened: DirectorSession, run: UUID) -> None:
    """Read what the pages show while a run waits for approval."""
    store = opened.store
    assert [row["run"] for row in (await inbox.inbox_of(store, opened.settings)).waiting] == [run]
    waiting = (await inbox.inbox_of(store, opened.settings)).waiting
    (card,) = await delivery_cards.delivery_cards(store, opened.blobs, waiting, run)
    assert (card.run, card.requester, card.own, card.purged) == (run, "director", False, False)
    assert card.commit == waiting[0]["commit_id"]
    assert delivery_cards.twins([card]) == []
    reader = top_bar.TopBarReader(store, opened.office.stream, opened.settings)
    await reader.settle(await store.recorded_up_to())
    bar = await reader.read()
    assert (bar.phase, bar.waiting, bar.limit_usd) == ("running", (await reader.inbox()).count, None)
    assert bar.limit_usd == await top_bar.day_limit(store)
    assert bar.today_usd == await top_bar.spent_since(store, bar.today_since)
    assert set(await top_bar.positions(store)) >= {"manager", "verifier"}
    page = await run_list.runs_page(store, run_list.RunsWanted(limit=1))
    assert (page.runs[0].run, page.next) == (run, None)
    assert (await page_views.PHASES.read(store, 0))[0].runs == 1


async def for_the_page_of_a_run(opened: DirectorSession, run: UUID) -> None:
    """Read what the page of a run shows, now and as of earlier events."""
    store, blobs = opened.store, opened.blobs
    now, then = await run_at.run_at(store, run), await run_at.run_at(store, run, await store.recorded_up_to())
    assert now == then, "history and tables agree"
    early = await run_at.run_at(store, run, now.first + 2)
    assert ("run: phase", early.facts.phase, "delivered") in run_at.differences(early, now)
    assert (await run_at.names_until(store, None)).names
    attempts = await run_attempts.attempts_at(store, run)
    assert attempts == await run_attempts.attempts_at(store, run, await store.recorded_up_to())
    assert sum(group.calls for group in run_attempts.grouped(attempts)) == sum(line.calls for line in attempts) > 0
    code = await run_code.run_code(store, blobs, run)
    assert code.shown is not None
    assert all(line.source is not None for line in code.shown.lines), "the run has no base, so employees wrote all"
    assert run_code.side_by_side([], ["a"], run_code.blame([], [], ["a"]))[0].kind == "added"
    page = await run_timeline.timeline(store, run, level="all")
    assert [page.lines[0].type, run_timeline.level_of("run.submitted")] == ["run.submitted", "key"]
    assert (page.lines[0].seq, "run.submitted") in await run_timeline.marks(store, run)
    house = await overview_at.overview_at(store, await store.recorded_up_to())
    assert [line.run for line in house.waiting] == [run]
    assert overview_at.overview_differences(house, house) == []
    assert (await verdicts.verdict_in(store, str(run))).view.verdict.verified


async def seen_from_the_record(opened: DirectorSession, run: UUID) -> None:
    """Read a run that waits for approval."""
    await for_the_pages(opened, run)
    await for_the_page_of_a_run(opened, run)
    store, blobs = opened.store, opened.blobs
    state = await session.run_state(store, run)
    assert (await run_record.run_data(store, run))["run"]["phase"] == "delivered"
    assert [row["verified"] for row in await run_record.attempts_of(store, run)] == [False, True]
    assert (await attempt.attempt_of(store, blobs, run, 1)).verified is False
    followed = [part async for part in attempt.follow_attempt(store, blobs, run, 1)]
    assert [(part.call is None, part.order.end) for part in followed] == [(False, "handed in"), (True, "handed in")]
    name, (order,) = attempt_record.record_of(await store.read_run(run)).attempt(run, 2)
    reader = attempt_calls.CallReader(order, {}, blobs)
    call = await reader.view(0)
    assert (name, call.outcome, call.continues, reader.has_results(0)) == ("T1", "answered", None, False)
    played = await rerun.rerun_recorded(store, opened.settings, run, note=said)
    assert (played.same, played.calls, played.verdicts, rerun.difference_of(played)) == (True, 2, 3, None)
    changed, text = await changes.diff_of(state, blobs)
    assert [each.what for each in changed] == ["added"]
    assert await changes.diff_between({}, run_rules.files_of(state), blobs) == (changed, text)
    assert await base_notes.notes_of_run(store, run) == NONE
    assert (await base_notes.with_notes(store, {"run": run}))["base_notes"] == []
    judged = [each for each in await store.read_run(run) if isinstance(each.event, degraded.JUDGED)]
    assert await degraded.degraded_verdicts(store, judged) == await degraded.degraded_run(store, run)
    assert await left_out.left_out(store, run) == []
    assert await parked.parked_data(store) == []
    assert await moved_base.moved_base(blobs, state) is None

    log = [each async for each in events.events_of(store, events.Filter(run=str(run)))]
    assert events.event_view(log[0]).payload == log[0].event
    verified = next(each for each in log if each.envelope.type == "task.verified")
    told = await causes.explain(store, await session.find_event(store, str(verified.seq)))
    assert (told.event.seq, told.causes[0].envelope.type, told.causes_cut) == (verified.seq, "run.submitted", False)
    assert "verified" in told.event.words
    chosen = await causes.explain(store, await causes.find_subject(store, "T1", str(run)))
    assert chosen.choice is not None
    assert chosen.choice.sentence in chosen.event.words
    assert (await causes.find_subject(store, str(verified.seq), "last")).seq == verified.seq
    assert causes.last_choices([], Story()) == ()
    assert len(await causes.choices_of(store, run)) <= 1
    with pytest.raises(NotFound):
        await causes.find_subject(store, "T9", str(run))


async def judged(settings: Settings, opened: DirectorSession, run: UUID, file: Path) -> None:
    """Judge a delivery again, and compare the verdict with the recorded verdict and the signed statement."""
    on_record = await verdicts.recorded_verdict(settings, str(run))
    assert on_record.signed()
    assert on_record.view.verdict.verified
    line = await views.RUN.first(opened.store, run)
    assert line is not None
    delivery = Path(line.folder or "")
    source = judged_source.Source(file=file, folder=delivery)
    request = judge.JudgeRequest(source=source, allow_degraded=True, attest=True)
    again = await judge.judge_source(request, settings, said)
    assert again.view.verdict.tree == on_record.view.verdict.tree
    key = attestations.verifier_key(settings.keys)
    checked = attestations.check_folder(attestations.FolderCheck(folder=delivery), settings.keys)
    assert (checked.refusal(), checked.data()["key"]) == (None, key.key)


async def about_the_whole(settings: Settings, opened: DirectorSession) -> None:
    """Call the use cases about the whole organisation: its processes, its views, its stream."""
    data = await stack_status.stack_data(settings)
    assert (stack_status.stack_fault(data) is None) == (not data["missing"] and data["problem"] is None)
    assert data["organisation"] == "running"
    url = next(each["url"] for each in data["processes"] if each["url"])
    ready = await asyncio.to_thread(process_list.readiness, url)
    assert ready is not None
    assert len(await process_list.processes(settings.root, ())) == 1
    (approval,) = await waiting.Waits(opened.store, settings).all()
    assert (approval.waiting.code, approval) == ("approval", data["waiting"][0])
    assert await waiting.Waits(opened.store, settings).of(approval.run) == approval.waiting
    assert await waiting.Waits(opened.store, settings).held_up() == []
    assert {each.name for each in process_logs.logs_of(settings.root)} >= {"nats", "organisation", "supervisor"}
    store = opened.store
    shown = await state.state_of(store, state.view_named("hr.person"), part=state.Part(limit=1))
    assert [row["name"] for row in shown.tables["person"]] == [NAME]
    checked = await replay.checked_replay(store)
    assert replay.differs(checked) is None
    assert set((await replay.digests_at(store, shown.as_of)).digests) == set(CONSUMERS)
    assert state.history_differs(await state.checked_history(store, 3, seed=1, note=said)) is None
    rebuilt = await replay.rebuild(store, replay.projection_named("accountant"), said)
    assert rebuilt.projection == "accountant"
    everything = await replay.rebuild_all(store, said)
    assert {each.projection for each in everything.rebuilt} == set(CONSUMERS)
    assert (await repair.repair_stream(settings, yes=False, note=said)).repaired is False


def said(text: str) -> None:
    """Receive the reports of a use case while it runs."""
    assert text


def test_a_use_case_that_is_not_called_is_seen() -> None:
    """The control: discovery knows functions, generators and context managers, and a call is no mere import."""
    known = use_cases()
    assert {"times.microseconds", "events.events_of", "session.desk", "session.DirectorSession.done"} <= known.keys()
    with called() as seen:
        times.microseconds("2026-01-31")
    assert known["times.microseconds"] in seen
    assert known["repair.repair_stream"] not in seen
