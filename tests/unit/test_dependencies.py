"""Reading of `dependencies:`: exact pins, and each fault with its place and the text to write instead."""

import pytest

from verification.requirements.dependencies import DEPENDENCIES_MAX, LOCK_NAME, locked, project_name
from verification.requirements.model import Requirement
from verification.requirements.parser import RequirementInvalid, parse_requirement

FILE = """---
aura: 1
title: It
deliver: library
scope: ["it.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
dependencies: %s
---
# It

```yaml acceptance
- id: A1
  says: it is
  cases:
    - {call: "it:it", returns: 1}
```
"""


def read(dependencies: str, **given: bytes) -> Requirement:
    return parse_requirement((FILE % dependencies).encode(), None, name="it", folder=None, fixtures=given)


def test_pins_are_read_as_written_and_without_spaces() -> None:
    assert read("[]").dependencies == ()
    written = '["python-slugify==8.0.4", "Uvicorn [standard, x] == 0.54.0rc1", "a==1!2.0.post3.dev1+local.5"]'
    assert read(written).dependencies == (
        "python-slugify==8.0.4",
        "Uvicorn[standard,x]==0.54.0rc1",
        "a==1!2.0.post3.dev1+local.5",
    )
    assert project_name("Zope.Interface__x[a]==1") == "zope-interface-x"


@pytest.mark.parametrize(
    ("pin", "said", "remedy"),
    [
        ("requests", "not an exact pin", '"requests==1.0"'),
        ("requests>=2.31", "not an exact pin", '"requests==2.31"'),
        ("requests==2.*", "not an exact pin", '"requests==2"'),
        ("requests===2.0", "not an exact pin", '"requests==2.0"'),
        ("requests==2.0,<3", "not an exact pin", '"requests==2.0"'),
        ("requests[socks]~=2.0", "not an exact pin", '"requests[socks]==2.0"'),
        ("requests==2.0; python_version > '3'", "an environment marker", '"requests==2.0"'),
        ("requests @ https://example.org/r.whl", "an address", '["python-slugify==8.0.4"]'),
        ("git+https://example.org/r", "an address", '["python-slugify==8.0.4"]'),
        ("../wheels/r.whl", "an address", '["python-slugify==8.0.4"]'),
        ("--pre==1", "not an exact pin", '["python-slugify==8.0.4"]'),
        ("requests==2.0 --hash=sha256:00", "not an exact pin", '"requests==2.0"'),
        ("requests==2.0\\nother==1", "not an exact pin", '"requests==2.0"'),
    ],
)
def test_what_is_no_exact_pin_is_refused_with_its_place(pin: str, said: str, remedy: str) -> None:
    with pytest.raises(RequirementInvalid) as refused:
        read(f'["six==1.17.0", "{pin}"]')
    (problem,) = refused.value.problems
    assert (problem.line, problem.column) == (7, 31)
    assert said in problem.message
    assert remedy in problem.remedy


def test_a_name_stands_once_and_there_are_not_too_many() -> None:
    with pytest.raises(RequirementInvalid, match="`a-b` is named twice"):
        read('["a-b==1", "A_b==2"]')
    many = [f'"p{number}==1"' for number in range(DEPENDENCIES_MAX + 1)]
    assert len(read(f"[{', '.join(many[1:])}]").dependencies) == DEPENDENCIES_MAX
    with pytest.raises(RequirementInvalid, match=f"more than {DEPENDENCIES_MAX} dependencies"):
        read(f"[{', '.join(many)}]")


def test_the_lock_travels_with_the_requirement() -> None:
    lock = f"six==1.17.0 --hash=sha256:{'0' * 64}\n".encode()
    assert read('["six==1.17.0"]', **{LOCK_NAME: lock}).lock == lock
    assert read('["six==1.17.0"]').lock is None
    assert locked(lock) == {"six": ("1.17.0", "0" * 64)}
    assert locked(b"six==1.17.0\n") is None
    assert locked(b"") is None
