"""Attacks on the code that reads the files of a session from outside.

Each test has a control: an honest file in the same tree arrives, or a naive reader would follow the attack.
"""

from collections.abc import AsyncIterator

import pytest

from domain.errors import Invalid, LimitReached
from domain.tree import Tree
from tests.attacks.attack import PRELUDE
from tests.attacks.canaries import SECRET, Canaries
from tests.attacks.corpus.copyout import ATTACKS
from tests.attacks.in_session import session_limits
from verification.sandbox.base import MIB, Limits, Sandbox
from verification.sandbox.session_box import SessionBox
from verification.sandbox.tree_difference import DIFFERENCE_BYTES_MAX, TreeDifference
from verification.tree_limits import FILE_BYTES_MAX, FOLDERS_DEPTH_MAX

pytestmark = pytest.mark.needs_sandbox

CODE = {attack.name: attack.code for attack in ATTACKS}


@pytest.fixture
async def box(any_sandbox: Sandbox) -> AsyncIterator[SessionBox]:
    limits = session_limits(Limits(wall_s=30, work_bytes=256 * MIB, file_bytes=64 * MIB))
    async with SessionBox(any_sandbox, Tree({"a": b"a"}), limits=limits, allow_degraded=True) as opened:
        yield opened


async def after(box: SessionBox, name: str, facts: str = "{}") -> TreeDifference:
    """Run an attack of the corpus, and return the difference."""
    result = await box.run(["python3", "-I", "-c", PRELUDE + CODE[name], facts])
    assert (result.reason, result.exit_code) == ("exit", 0), result.observed()
    return await box.difference()


async def test_no_link_is_followed(box: SessionBox) -> None:
    with Canaries() as canaries:
        found = await after(box, "o01", f'{{"folder": "{canaries.folder}"}}')
        assert dict(found.tree) == {"out/deep/good": b"good"}
        assert set(found.tree.links) == {"out/deep/relative", "out/environment", "out/file", "out/folder", "out/root"}
        assert not any(SECRET in target for target in found.tree.links.values())
        for path in ("out/file", "out/folder/secret", "out/root/etc/passwd", "out/environment"):
            with pytest.raises(Invalid):
                await box.read(path)
            with pytest.raises(Invalid):
                await box.write(f"{path}/below", b"x")
        await box.write("out/file", b"mine")
        assert canaries.hits() == ()
    assert (await box.read("out/file")).content == b"mine"


async def test_special_files_are_named_and_do_not_block(box: SessionBox) -> None:
    found = await after(box, "o02")
    assert dict(found.tree) == {"out/good": b"good", "out/a": b"twice", "out/b": b"twice"}
    assert set(found.refused) == {"out/fifo: a pipe", "out/socket: a socket"}
    with pytest.raises(Invalid, match="not a file"):
        await box.read("out/fifo")


async def test_odd_names_and_depth_are_named(box: SessionBox) -> None:
    await box.run(["mkdir", "-p", "/".join(["d"] * 40)])
    found = await after(box, "o03")
    assert sorted(each.partition(":")[0] for each in found.refused) == [
        "/".join(["d"] * (FOLDERS_DEPTH_MAX + 1)),
        "out/\\xff\\xfe",
    ]
    assert {"out/-rf", "out/ ", "out/...", "out/new\nline", "out/n299"} <= set(found.added)


async def test_a_replaced_folder_leads_nowhere(box: SessionBox) -> None:
    """The folders of the initial tree become links to folders of the system."""
    assert (await box.run("mkdir etc && echo x > etc/passwd")).exit_code == 0
    assert (await box.read("etc/passwd")).content == b"x\n"  # the control
    await box.run("rm -r etc && ln -s /etc etc && rm a && ln -s /etc/passwd a")
    found = await box.difference()
    assert (dict(found.tree), found.tree.links) == ({}, {"a": "/etc/passwd", "etc": "/etc"})
    for path in ("etc/passwd", "a"):
        with pytest.raises(Invalid):
            await box.read(path)


async def test_unreadable_entries_are_named_and_count_as_unchanged(box: SessionBox) -> None:
    assert (await box.run("mkdir closed && echo x > closed/x && chmod 000 closed a && echo y > y")).exit_code == 0
    found = await box.difference()
    assert (found.added, found.deleted) == (("y",), ())
    assert [each.partition(" (")[0] for each in found.refused] == [
        "a: cannot be opened",
        "closed: the folder cannot be read",
    ]


async def test_a_difference_has_an_upper_size(box: SessionBox) -> None:
    each = DIFFERENCE_BYTES_MAX // 4
    made = await box.run(f"for n in 1 2 3 4; do head -c {each} /dev/zero > n$n; done; truncate -s 40M hollow")
    assert made.exit_code == 0
    found = await box.difference()
    assert (len(found.added), found.refused) == (4, (f"hollow: more than {FILE_BYTES_MAX} bytes",))
    await box.run("echo x > one-more")
    with pytest.raises(LimitReached, match=str(DIFFERENCE_BYTES_MAX)) as reached:
        await box.difference()
    assert reached.value.hint
    assert (await box.run("rm n1")).exit_code == 0
    assert "one-more" in (await box.difference()).added
