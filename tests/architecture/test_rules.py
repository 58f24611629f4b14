"""Each rule refuses a snippet that breaks it and accepts a similar correct snippet."""

import pytest

from tests.architecture import rules
from tests.architecture.docstrings import plain_opener
from tests.architecture.output import writes_at_the_edge
from tests.architecture.registries import no_registry_address
from tests.architecture.rules import Rule

LONG_FILE = "x = 1\n" * 300
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
BROAD = "def main():\n    try:\n        work()\n    except {}:\n        pass\n"

BROKEN: list[tuple[Rule, str, str]] = [
    (rules.short_file, "agents/x.py", LONG_FILE),
    (rules.short_functions, "agents/x.py", LONG_FUNCTION),
    (rules.short_functions, "agents/x.py", "class A:\n    async " + LONG_FUNCTION.replace("\n", "\n    ")),
    (
        rules.gate_alone_publishes_events,
        "agents/manager/reactor.py",
        "async def f(p):\n    await p.publish_events([])\n",
    ),
    (rules.gate_alone_publishes_events, "agents/manager/reactor.py", "send = publisher.publish_events\n"),
    (rules.gate_alone_publishes_events, "director/cli/main.py", "send = getattr(publisher, 'publish_events')\n"),
    (rules.gate_alone_publishes_events, "bus/work_queue.py", "from bus.publisher import publish_events as send\n"),
    (rules.work_alone_names_work_subjects, "agents/workers/worker.py", "subject = f'aura.work.{employee}.order'\n"),
    (rules.nats_is_spoken_in_bus, "agents/workers/worker.py", "async def f(js):\n    await js.publish('a', b'')\n"),
    (rules.nats_is_spoken_in_bus, "governance/gate.py", "async def f(nc):\n    await nc.request('a', b'')\n"),
    (rules.nats_is_spoken_in_bus, "bus/recorder.py", "async def f(js):\n    await js.publish('a', b'')\n"),
    (rules.nats_is_spoken_in_bus, "bus/stream.py", "async def f(js):\n    await js.publish(f'aura.evt.{run}', b'')\n"),
    (rules.nats_is_spoken_in_bus, "agents/x.py", "async def f(js):\n    await js.publish('$JS.API.INFO', b'')\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = 'SELECT seq FROM log.event'\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = '''\n  insert into log.event values ($1)'''\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = f'UPDATE {schema}.checkpoint SET seq = $1'\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = 'WITH a AS (SELECT 1) SELECT * FROM a'\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = f'CREATE SCHEMA {name}'\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = f'alter schema {name}_next rename to {name}'\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = 'select pg_advisory_lock($1)'\n"),
    (rules.few_catch_everything, "agents/x.py", BROAD.format("Exception")),
    (rules.few_catch_everything, "agents/x.py", BROAD.format("(OSError, BaseException)")),
    (rules.few_catch_everything, "agents/x.py", BROAD.replace(" {}", "")),
    (rules.few_catch_everything, "agents/x.py", "with contextlib.suppress(Exception):\n    work()\n"),
    (rules.few_catch_everything, "director/cli/main.py", BROAD.replace("main", "helper").format("Exception")),
    (rules.nothing_happens_at_import, "agents/x.py", "print('hello')\n"),
    (rules.nothing_happens_at_import, "agents/x.py", "HOME = os.environ['HOME']\n"),
    (rules.nothing_happens_at_import, "agents/x.py", "class A:\n    home = os.getenv('HOME')\n"),
    (rules.types_are_read_at_import, "bus/x.py", "def f(b):\n    return msgspec.json.decode(b, type=Report)\n"),
    (rules.types_are_read_at_import, "bus/x.py", "def f(b):\n    return msgspec.json.Decoder(Report).decode(b)\n"),
    (rules.types_are_read_at_import, "bus/x.py", "def f(b):\n    return msgspec.convert(b, Report)\n"),
    (plain_opener, "agents/x.py", '"""What a worker hands in."""\n'),
    (plain_opener, "agents/x.py", 'class A:\n    """Who may work."""\n'),
    (plain_opener, "agents/x.py", 'async def f():\n    """\n    The same of a request.\n    """\n'),
    (plain_opener, "agents/x.py", 'class A:\n    x: int = 1\n    """How long it waits (s)."""\n'),
    (writes_at_the_edge, "director/services/events.py", "def f():\n    print('hello')\n"),
    (writes_at_the_edge, "agents/x.py", "import sys\ndef f():\n    sys.stderr.write('hello')\n"),
    (writes_at_the_edge, "agents/x.py", "import sys as s\ndef f(log):\n    log(s.__stdout__)\n"),
    (writes_at_the_edge, "agents/x.py", "from sys import stdout as out\n"),
    (writes_at_the_edge, "agents/x.py", "import sys\ndef f():\n    return getattr(sys, 'stderr')\n"),
    (writes_at_the_edge, "bus/x.py", "import typer\ndef f():\n    typer.echo('hello')\n"),
    (writes_at_the_edge, "bus/x.py", "from rich.console import Console\n"),
    (writes_at_the_edge, "bus/x.py", "def f():\n    import rich\n"),
    (writes_at_the_edge, "bus/x.py", "import os\ndef f():\n    os.write(2, b'hello')\n"),
    (writes_at_the_edge, "bus/x.py", "def f():\n    open('/dev/stderr', 'w').write('hello')\n"),
    (writes_at_the_edge, "bus/x.py", "import traceback\ndef f():\n    traceback.print_exc()\n"),
    (no_registry_address, "requirements/base.txt", "--index" + "-url somewhere\n"),
    (no_registry_address, "README.md", "see py" + "pi.org\n"),
]
HONEST: list[tuple[Rule, str, str]] = [
    (rules.short_file, "agents/x.py", LONG_FILE.replace("x = 1\n", "", 1)),
    (rules.short_functions, "agents/x.py", LONG_FUNCTION.replace("    x = 1\n", "", 1)),
    (rules.gate_alone_publishes_events, "governance/gate.py", "async def f(p):\n    await p.publish_events([])\n"),
    (rules.gate_alone_publishes_events, "agents/manager/reactor.py", '"""Only the gate calls publish_events."""\n'),
    (rules.work_alone_names_work_subjects, "bus/work_queue.py", "subject = f'aura.work.{employee}.order'\n"),
    (rules.work_alone_names_work_subjects, "agents/workers/worker.py", "'''aura.work is not spoken here.'''\n"),
    (rules.nats_is_spoken_in_bus, "bus/work_queue.py", "async def f(js):\n    await js.publish('a', b'')\n"),
    (rules.nats_is_spoken_in_bus, "bus/stream.py", "async def f(nc):\n    await nc.request('a', b'')\n"),
    (rules.nats_is_spoken_in_bus, "bus/stream.py", "async def f(js):\n    await js.publish(f'$JS.API.{name}', b'')\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "q = named('append_event')\nhint = 'Select one from the list'\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "'''select seq from log.event is what this does'''\n"),
    (rules.sql_stands_in_sql, "bus/store.py", "hint = 'update the lock'\nother = 'create a run with aura submit'\n"),
    (rules.few_catch_everything, "director/cli/main.py", BROAD.format("Exception")),
    (rules.few_catch_everything, "agents/x.py", BROAD.format("(OSError, ValueError)")),
    (rules.few_catch_everything, "agents/x.py", BROAD.format("BaseException").replace("pass", "undo()\n        raise")),
    (rules.nothing_happens_at_import, "agents/x.py", "def f():\n    print(os.environ)\n"),
    (rules.nothing_happens_at_import, "agents/x.py", "if __name__ == '__main__':\n    print('hello')\n"),
    (rules.types_are_read_at_import, "bus/x.py", "_r = msgspec.json.Decoder(R)\ndef f(b):\n    return _r.decode(b)\n"),
    (rules.types_are_read_at_import, "bus/x.py", "def f(b):\n    return msgspec.json.decode(b)\n"),
    (plain_opener, "agents/x.py", '"""Hand-ins. What a worker found is in them."""\n'),
    (plain_opener, "agents/x.py", 'def f():\n    """Whether it waits."""\n    return """What it says"""\n'),
    (plain_opener, "agents/x.py", 'X = 1\n"""Whole seconds of a wait."""\n'),
    (writes_at_the_edge, "director/cli/x.py", "def f():\n    print('hello')\n"),
    (writes_at_the_edge, "bus/crash_dump.py", "import sys\ndef f():\n    sys.__stderr__.write('hello')\n"),
    (writes_at_the_edge, "agents/x.py", "PROGRAM = 'import sys; print(sys.stdout)'\n"),
    (writes_at_the_edge, "agents/x.py", "import sys\ndef f(process):\n    return process.stdout, sys.argv\n"),
    (writes_at_the_edge, "bus/x.py", "import os\ndef f(pipe):\n    os.write(pipe, b'hello')\n"),
    (no_registry_address, "requirements/base.txt", "rich==15.0.0 --hash=sha256:00\n"),
]


def _id(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("rule", "path", "source"), BROKEN, ids=_id)
def test_a_broken_snippet_is_caught(rule: Rule, path: str, source: str) -> None:
    assert rule(path, source)


@pytest.mark.parametrize(("rule", "path", "source"), HONEST, ids=_id)
def test_an_honest_snippet_passes(rule: Rule, path: str, source: str) -> None:
    assert rule(path, source) == []


def test_every_rule_has_a_snippet_on_both_sides() -> None:
    every = {*rules.SOURCE_RULES, no_registry_address}
    assert {rule for rule, _, _ in BROKEN} == every
    assert {rule for rule, _, _ in HONEST} == every
