"""Trees and their manifests: the entry of each path, differences, and names of trees that cannot be confused."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.employees.providers.scripted import Recording, ScriptedEmployee
from agents.run_content import manifest_in, pack_manifest
from agents.workers.result import DELETED_MAX, DROPPED_MAX, HandIn, answered
from domain.errors import Invalid
from domain.registry import EVENTS, UPCASTERS
from domain.tree import (
    ALGORITHM,
    DELETED,
    FORMER_ALGORITHM,
    Entry,
    Tree,
    algorithm_of,
    contents_of,
    difference_between,
    digest_of,
    from_version_1,
    hex_of,
    manifest_of,
    overlay,
    tree_digest,
    tree_text,
)
from tests.orders import order
from verification.source_scan.write_set import changed_paths

COMMIT = "1" * 40
FILES = {"a.py": b"x = 1\n", "run.sh": b"#!/bin/sh\n"}
WHOLE = Tree(FILES, executable=frozenset({"run.sh"}), links={"latest": "a.py"}, submodules={"vendor": COMMIT})
names = st.sampled_from(["a", "b", "c/d", "c/e", "f"])
digests = st.sampled_from(["1" * 64, "2" * 64])
entries = st.one_of(
    st.builds(Entry, kind=st.sampled_from(["file", "executable"]), digest=digests),
    st.builds(Entry, kind=st.just("link"), target=st.sampled_from(["a", "b"])),
    st.builds(Entry, kind=st.just("submodule"), target=st.just(COMMIT)),
)
manifests = st.dictionaries(names, entries)


@given(manifests, manifests)
def test_a_difference_leads_from_one_tree_to_the_other(before: dict[str, Entry], after: dict[str, Entry]) -> None:
    difference = difference_between(before, after)
    assert overlay(before, difference) == after
    assert {path for path, entry in difference.items() if entry.kind == "deleted"} == before.keys() - after.keys()
    assert (difference == {}) == (before == after)


@given(manifests, manifests, manifests)
def test_differences_in_a_row_are_one_difference(
    first: dict[str, Entry], second: dict[str, Entry], third: dict[str, Entry]
) -> None:
    steps = difference_between(first, second), difference_between(second, third)
    assert overlay(first, {**steps[0], **steps[1]}) == third


def test_names_of_trees_are_pinned() -> None:
    """Whoever checks a statement with another tool computes these."""
    plain = from_version_1({"b.py": "2" * 64, "a.py": "1" * 64})
    former = b'{"a.py":"' + b"1" * 64 + b'","b.py":"' + b"2" * 64 + b'"}'
    assert tree_digest(plain, FORMER_ALGORITHM) == digest_of(former)
    body = (
        b'{"a.py":{"digest":"' + b"1" * 64 + b'","kind":"file"},"b.py":{"digest":"' + b"2" * 64 + b'","kind":"file"}}'
    )
    assert tree_digest(plain) == f"auraTree2:{digest_of(b'auraTree2' + bytes(1) + body)}"
    odd = {"l": Entry(kind="link", target="a"), "s": Entry(kind="submodule", target=COMMIT)}
    body = b'{"l":{"kind":"link","target":"a"},"s":{"kind":"submodule","target":"' + COMMIT.encode() + b'"}}'
    assert tree_digest(odd) == f"auraTree2:{digest_of(b'auraTree2' + bytes(1) + body)}"


@given(manifests, manifests)
def test_trees_have_one_name_only_if_they_are_equal(one: dict[str, Entry], other: dict[str, Entry]) -> None:
    assert (tree_digest(one) == tree_digest(other)) == (one == other)


@given(st.dictionaries(names, digests))
def test_a_name_says_its_algorithm_and_never_fits_the_other(digests: dict[str, str]) -> None:
    manifest = from_version_1(digests)
    for algorithm in (ALGORITHM, FORMER_ALGORITHM):
        name = tree_digest(manifest, algorithm)
        assert algorithm_of(name) == algorithm
        assert tree_text(algorithm, hex_of(name)) == name
    assert hex_of(tree_digest(manifest)) != tree_digest(manifest, FORMER_ALGORITHM)


def test_the_former_name_is_for_files_alone() -> None:
    for path, entry in WHOLE.manifest().items():
        if entry.is_file:
            assert len(tree_digest({path: entry}, FORMER_ALGORITHM)) == 64, "control"
        else:
            with pytest.raises(Invalid, match=path):
                tree_digest({path: entry}, FORMER_ALGORITHM)
    with pytest.raises(Invalid, match="auraTree3"):
        tree_digest({}, "auraTree3")


def test_a_difference_has_no_name() -> None:
    with pytest.raises(ValueError, match="not a tree"):
        tree_digest({"a.py": DELETED})
    assert tree_digest(overlay({}, {"a.py": DELETED})) == tree_digest({}), "control"


def test_a_tree_is_the_mapping_of_its_files() -> None:
    assert dict(WHOLE) == FILES
    assert (len(WHOLE), "latest" in WHOLE, WHOLE.get("vendor")) == (2, False, None)
    assert WHOLE.paths() == ["a.py", "latest", "run.sh", "vendor"]
    assert Tree.of(WHOLE) is WHOLE
    assert Tree.of(FILES) == FILES
    assert WHOLE != FILES, "a mapping holds plain files alone"
    assert contents_of(WHOLE.manifest()) == {path: digest_of(content) for path, content in FILES.items()}


def test_its_manifest_says_what_stands_at_each_path() -> None:
    assert manifest_of(WHOLE) == {
        "a.py": Entry(kind="file", digest=digest_of(FILES["a.py"])),
        "latest": Entry(kind="link", target="a.py"),
        "run.sh": Entry(kind="executable", digest=digest_of(FILES["run.sh"])),
        "vendor": Entry(kind="submodule", target=COMMIT),
    }


CHANGES: Mapping[str, Tree] = {
    "a.py": WHOLE.with_files({"a.py": b"x = 2\n"}),
    "run.sh": Tree(FILES, links=WHOLE.links, submodules=WHOLE.submodules),
    "latest": Tree(FILES, executable=WHOLE.executable, links={"latest": "run.sh"}, submodules=WHOLE.submodules),
    "vendor": Tree(FILES, executable=WHOLE.executable, links=WHOLE.links, submodules={"vendor": "2" * 40}),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_changed_content_mode_target_or_commit_is_a_change(path: str) -> None:
    assert changed_paths(CHANGES[path], WHOLE) == (path,)
    assert CHANGES[path] != WHOLE
    assert [*difference_between(WHOLE.manifest(), CHANGES[path].manifest())] == [path]
    assert changed_paths(WHOLE, WHOLE) == (), "control"


def test_a_link_that_becomes_a_file_of_the_same_text_is_a_change() -> None:
    copied = WHOLE.with_files({"latest": b"a.py"})
    assert changed_paths(copied, WHOLE) == ("latest",)
    assert (copied["latest"], dict(copied.links)) == (b"a.py", {})


def test_files_are_written_and_paths_left_out() -> None:
    written = WHOLE.with_files({"run.sh": b"#!/bin/dash\n", "new.py": b""})
    assert written.executable == {"run.sh"}, "a file that is written anew keeps its mode"
    assert written.links == WHOLE.links
    assert WHOLE.kept(lambda path: path != "run.sh") == Tree(
        {"a.py": FILES["a.py"]}, links=WHOLE.links, submodules=WHOLE.submodules
    )


@pytest.mark.parametrize("manifest", [{}, WHOLE.manifest()])
def test_a_kept_manifest_is_read_in_both_versions(manifest: dict[str, Entry]) -> None:
    assert manifest_in(pack_manifest(manifest)) == manifest
    former = contents_of(manifest)
    assert manifest_in(msgspec.json.encode(former)) == from_version_1(former)


def test_a_manifest_of_neither_version_is_refused() -> None:
    for text in (b'{"a.py":1}', b'{"a.py":{"kind":"device"}}', b'{"a.py":"' + b"1" * 64 + b'","b":{"kind":"file"}}'):
        with pytest.raises(msgspec.ValidationError):
            manifest_in(text)


def test_events_of_before_hold_files_alone() -> None:
    ids = {"run": str(UUID(int=1)), "task": str(UUID(int=2)), "employee": str(UUID(int=3)), "order": str(UUID(int=4))}
    old: dict[str, Any] = {**ids, "files": {"a.py": "1" * 64}, "tree": "3" * 64}
    read: Any = msgspec.convert(UPCASTERS["task.submitted", 1](old), EVENTS["task.submitted"])
    assert (read.files, read.tree, read.dropped) == (from_version_1({"a.py": "1" * 64}), "3" * 64, ())
    merged: Any = msgspec.convert(UPCASTERS["run.merged", 1](old), EVENTS["run.merged"])
    assert (merged.files, merged.tree) == (read.files, "3" * 64)


def hand_in(**fields: Any) -> HandIn:
    ids: dict[str, Any] = {"order": UUID(int=1), "run": UUID(int=2), "task": UUID(int=3), "employee": UUID(int=4)}
    return HandIn(**ids, outcome="answered", **fields)


def test_a_hand_in_is_the_difference_from_where_its_order_began() -> None:
    handed_in = hand_in(files={"run.sh": b"new", "n.py": b""}, deleted=("a.py", "n.py"))
    assert handed_in.difference(WHOLE.manifest()) == {
        "a.py": DELETED,
        "n.py": Entry(kind="file", digest=digest_of(b"")),
        "run.sh": Entry(kind="executable", digest=digest_of(b"new")),
    }
    assert handed_in.difference({})["run.sh"].kind == "file", "control: it was no executable before"


def test_a_hand_in_of_a_former_worker_still_reads() -> None:
    sent = msgspec.to_builtins(hand_in(files={"a.py": b"x"}))
    former = {name: value for name, value in sent.items() if name not in ("deleted", "dropped")}
    read = msgspec.json.decode(msgspec.json.encode(former), type=HandIn)
    assert (read.files, read.deleted, read.dropped) == ({"a.py": b"x"}, (), ())


@pytest.fixture
def employee() -> ScriptedEmployee:
    answers: dict[str, list[dict[str, bytes | None]]] = {
        "T1": [{"double.py": b"x = 1\n", "old.py": None}, {"old.py": None}, {}]
    }
    return ScriptedEmployee(id=UUID(int=4), name="ada", script=Recording("plays", answers))


async def test_an_answer_may_delete_and_a_deletion_alone_is_an_answer(employee: ScriptedEmployee) -> None:
    for attempt, files, deleted, outcome in (
        (1, {"double.py": b"x = 1\n"}, ("old.py",), "answered"),
        (2, {}, ("old.py",), "answered"),
        (3, {}, (), "no_code"),
    ):
        asked = order(attempt=attempt)
        handed_in = answered(asked, 0, await employee.work(asked), employee)
        assert (handed_in.files, handed_in.deleted, handed_in.outcome) == (files, deleted, outcome)


async def test_what_an_answer_says_of_paths_is_bounded(employee: ScriptedEmployee) -> None:
    answer = await employee.work(order())
    many = tuple(f"{number}.py" for number in range(DELETED_MAX + 1))
    large = answered(order(), 0, msgspec.structs.replace(answer, deleted=many), employee)
    assert (large.outcome, large.files, large.deleted) == ("too_large", {}, ())
    most = answered(order(), 0, msgspec.structs.replace(answer, deleted=many[1:]), employee)
    assert most.outcome == "answered", "control"
    dropped = ("a" * 5000, "b\ud800", *many)
    told = answered(order(), 0, msgspec.structs.replace(answer, dropped=dropped), employee).dropped
    assert (told[:2], len(told)) == (("a" * 400, "b?"), DROPPED_MAX)
    assert msgspec.json.encode(told)
