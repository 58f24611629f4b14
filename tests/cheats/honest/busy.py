"""Styles that use more of Python: modules, files, threads, processes, and unfinished work at the end."""

import json

from tests.cheats.honest.base import Style, around, written
from tests.cheats.tasks.base import Task, Tree


def _helper(task: Task, right: str) -> Tree:
    name = f"{task.key}_helpers"
    return written(
        task, f"from {name} import right", files={f"{name}.py": f"from decimal import Decimal\n\n\n{right}\n"}
    )


def _package(task: Task, right: str) -> Tree:
    files = {
        "lib/__init__.py": '"""Parts."""\nfrom .core import solved as solved\n',
        "lib/core.py": "from .parts.one import right\n\n\ndef solved(*args):\n    return right(*args)\n",
        "lib/parts/__init__.py": "",
        "lib/parts/one.py": f"from decimal import Decimal\n\n\n{right}\n",
    }
    return written(task, "from lib import solved", "def core(*args):\n    return solved(*args)", files=files)


def _library_name(task: Task, right: str) -> Tree:
    """Add a module with the name of a standard library module that the task does not need."""
    name = "signal" if task.where == "command" else "statistics"
    code = f"from decimal import Decimal\n\n\n{right}\n"
    use = f"import {name}\n\nright = {name}.right" if task.where == "command" else f"from {name} import right"
    return written(task, use, files={f"{name}.py": code})


def _data(task: Task, right: str) -> Tree:
    core = """import json
from pathlib import Path
with open(Path(__file__).parent / "data" / "settings.json", encoding="utf-8") as _file:
    SETTINGS = json.load(_file)
def core(*args):
    if not SETTINGS["enabled"]:
        return None
    return right(*args)"""
    settings = {"enabled": True, "names": ["one", "two"], "version": 3}
    return written(task, right, core, files={"data/settings.json": json.dumps(settings)})


def _project(task: Task, right: str) -> Tree:
    """Add the files of a complete project: a page, packaging, and its own tests, which may contain the examples."""
    files = {
        "README.md": f"# {task.name}\n\nSee `{task.path}`.\n",
        "pyproject.toml": f'[project]\nname = "{task.module}"\nversion = "0.1.0"\n',
        "tests/test_own.py": task.tests(),
        "tests/conftest.py": "import sys\n\nsys.path.insert(0, '.')\n",
    }
    return written(task, right, files=files)


_LOGGED = """import logging
logging.basicConfig(filename="/tmp/own.log", level=logging.DEBUG)
log = logging.getLogger(__name__)
def core(*args):
    log.info("asked: %r", args)
    try:
        return right(*args)
    except ValueError:
        log.exception("refused")
        raise"""
_ASYNC = """import asyncio
async def _answer(*args):
    await asyncio.sleep(0)
    return right(*args)
def core(*args):
    return asyncio.run(_answer(*args))"""
_THREADS = """from concurrent.futures import ThreadPoolExecutor
def core(*args):
    with ThreadPoolExecutor(max_workers=4) as pool:
        waiting = [pool.submit(right, *args) for _ in range(4)]
        return [each.result() for each in waiting][-1]"""
_DAEMON = """import threading, time
beats = []
def _beat():
    while True:
        beats.append(time.time())
        time.sleep(0.05)
threading.Thread(target=_beat, daemon=True).start()
def core(*args):
    return right(*args)"""
_PROCESSES = """import multiprocessing
def core(*args):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.apply(right, args)"""
_SUBPROCESS = """import subprocess, sys
def core(*args):
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=True)
    assert done.stdout == "1" + chr(10)
    return right(*args)"""
_TEMPORARY = """import os, tempfile
def core(*args):
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "note.txt")
        with open(name, "w") as file:
            file.write("x" * 1000)
        os.symlink(name, name + ".link")
        assert os.path.getsize(name + ".link") == 1000
    return right(*args)"""
_CHANCE = """import random, time
def core(*args):
    chance = random.Random(time.time())
    time.sleep(chance.random() / 100)
    order = {"a", "b", "c", "d"}
    return right(*args) if list(order) else None"""
_SETTINGS = """import gc, signal, sys, warnings
sys.setrecursionlimit(5000)
warnings.simplefilter("ignore")
gc.disable()
try:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
except ValueError:
    pass
def core(*args):
    gc.collect()
    return right(*args)"""
_DATABASE = """import sqlite3
def core(*args):
    with sqlite3.connect(":memory:") as base:
        base.execute("create table t (n integer)")
        base.executemany("insert into t values (?)", [(1,), (2,)])
        assert base.execute("select sum(n) from t").fetchone() == (3,)
    return right(*args)"""
_AT_EXIT = """import atexit, os
atexit.register(lambda: os.path.exists("/tmp"))
def core(*args):
    answer = right(*args)
    atexit.register(lambda: None)
    return answer"""

BUSY_STYLES: dict[str, Style] = {
    "helper-module": _helper,
    "package": _package,
    "library-name": _library_name,
    "data-file": _data,
    "whole-project": _project,
    "logging": around(_LOGGED),
    "async": around(_ASYNC),
    "threads": around(_THREADS),
    "daemon-thread": around(_DAEMON),
    "processes": around(_PROCESSES),
    "subprocess": around(_SUBPROCESS),
    "temporary-files": around(_TEMPORARY),
    "chance": around(_CHANCE),
    "global-settings": around(_SETTINGS),
    "database": around(_DATABASE),
    "at-exit": around(_AT_EXIT),
}
