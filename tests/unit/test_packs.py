"""Packs: the same content gives the same bytes, everything comes back, and a hostile pack is refused by name."""

from typing import cast

import pytest
from msgspec.structs import replace

from agents.working_copies import pack as module
from agents.working_copies.pack import decode, encode
from agents.working_copies.pack_limits import DIFFERENCE_LIMITS, PackLimits
from agents.working_copies.tree_rules import PackRefused
from domain.errors import LimitReached
from domain.tree import DELETED, Entry, Tree, digest_of
from tests.unit.forged_packs import CORPUS, Forged, file, forge, odd

TREE = Tree(
    {
        "src/app.py": b"print('one')\n",
        "run.sh": b"#!/bin/sh\n",
        "data.bin": bytes(range(256)),
        "empty": b"",
        "copy": b"",
    },
    executable=frozenset({"run.sh"}),
    links={"latest": "src/app.py", "src/up": "../data.bin"},
    submodules={"vendor/lib": "1" * 40},
)


def packed(tree: Tree, history: bytes = b"") -> bytes:
    return encode("base", tree.manifest(), {digest_of(each): each for each in tree.values()}, history)


def test_a_tree_comes_back_with_modes_links_submodules_and_history() -> None:
    data = packed(TREE, b"the history")
    pack = decode(data, digest_of(data), "base")
    assert (pack.tree(), pack.history, pack.manifest) == (TREE, b"the history", TREE.manifest())


def test_the_same_tree_gives_the_same_bytes_and_another_gives_others() -> None:
    again = Tree(
        {path: TREE[path] for path in reversed(list(TREE))},
        executable=TREE.executable,
        links={path: TREE.links[path] for path in reversed(list(TREE.links))},
        submodules=TREE.submodules,
    )
    assert packed(again) == packed(TREE)
    assert packed(Tree(dict(TREE))) != packed(TREE)


def test_a_difference_comes_back_with_its_deleted_paths() -> None:
    difference = {"a.py": Entry(kind="file", digest=digest_of(b"new")), "old.py": DELETED, "new/name": DELETED}
    data = encode("difference", difference, {digest_of(b"new"): b"new"})
    pack = decode(data, digest_of(data), "difference")
    assert pack.manifest == difference
    assert pack.tree() == Tree({"a.py": b"new"})
    with pytest.raises(PackRefused, match="a base was expected"):
        decode(data, digest_of(data), "base")


def test_a_rename_to_another_case_is_no_collision() -> None:
    difference = {"A.py": DELETED, "a.py": Entry(kind="file", digest=digest_of(b"new"))}
    assert encode("difference", difference, {digest_of(b"new"): b"new"})


@pytest.mark.parametrize("forged", CORPUS, ids=[each.fault for each in CORPUS])
def test_a_hostile_pack_is_refused_by_name_and_its_twin_is_accepted(forged: Forged) -> None:
    assert decode(forged.twin, digest_of(forged.twin)).name == digest_of(forged.twin)
    with pytest.raises((PackRefused, LimitReached)) as refusal:
        decode(forged.hostile, digest_of(forged.hostile))
    assert forged.said in refusal.value.message
    assert refusal.value.hint


def test_bytes_with_another_digest_are_refused() -> None:
    data = packed(TREE)
    for at in (0, 9, len(data) // 2, len(data) - 1):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(PackRefused, match="do not have the digest"):
            decode(changed, digest_of(data))
    assert decode(data, digest_of(data)).tree() == TREE


def test_a_bomb_is_refused_before_anything_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    expanded: list[int] = []
    real = module._expanded

    def counting(stream: memoryview, size: int) -> bytes:
        expanded.append(size)
        return real(stream, size)

    monkeypatch.setattr(module, "_expanded", counting)
    bomb = forge([file("a.py")], body_size=100 * 1024**2)
    with pytest.raises(PackRefused, match="expands"):
        decode(bomb, digest_of(bomb))
    assert expanded == []
    honest = forge([file("a.py")])
    assert decode(honest, digest_of(honest)).kind == "base"
    assert len(expanded) == 1


def test_what_a_reader_would_refuse_is_not_written() -> None:
    with pytest.raises(PackRefused, match=r"the name \.git"):
        packed(Tree({".git/config": b""}))
    with pytest.raises(PackRefused, match="differ only in case"):
        packed(Tree({"readme": b"", "README": b""}))


def test_a_difference_above_its_limit_is_refused_and_one_at_the_limit_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DIFFERENCE_LIMITS.content_bytes_max == 64 * 1024**2
    small = replace(DIFFERENCE_LIMITS, content_bytes_max=8)
    monkeypatch.setitem(cast(dict[str, PackLimits], module._LIMITS), "difference", small)
    files = {"a": b"1234", "b": b"5678"}
    assert difference(files)
    with pytest.raises(LimitReached, match="content has 9 bytes"):
        difference({**files, "c": b"9"})


def difference(files: dict[str, bytes]) -> bytes:
    return encode("difference", Tree(files).manifest(), {digest_of(each): each for each in files.values()})


def test_a_link_may_be_dangling_because_the_base_may_have_its_target() -> None:
    data = forge([odd("l", "link", target="elsewhere/a.py")], kind=1)
    assert decode(data, digest_of(data)).tree().links == {"l": "elsewhere/a.py"}
