"""Hostile packs: each row has one fault, and a twin without this fault that must be accepted."""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from domain.tree import digest_of

Line = tuple[str, str, str, str, int]
HEADER = struct.Struct(">8sBBIQQI")
COMMIT = "1" * 40


class Forged(NamedTuple):
    """One fault, the words of its refusal, and the twin."""

    fault: str
    said: str
    hostile: bytes
    twin: bytes


def file(path: str, content: bytes = b"x\n", kind: str = "file") -> tuple[Line, bytes]:
    return (path, kind, digest_of(content), "", len(content)), content


def link(path: str, target: str) -> tuple[Line, bytes]:
    return (path, "link", "", target, 0), b""


def odd(path: str, kind: str, digest: str = "", target: str = "", size: int = 0) -> tuple[Line, bytes]:
    return (path, kind, digest, target, size), b""


def forge(
    entries: Sequence[tuple[Line, bytes]],
    *,
    kind: int = 0,
    magic: bytes = b"AURAPACK",
    form: int = 1,
    body_size: int | None = None,
    more: bytes = b"",
    after: bytes = b"",
    index: bytes | None = None,
    stream: bytes | None = None,
    history: bytes = b"",
    history_size: int | None = None,
) -> bytes:
    """Return a pack with these entries as they are, in this order. Other arguments replace parts of it."""
    listed = msgspec.json.encode([entry for entry, _ in entries]) if index is None else index
    distinct = {entry[2]: content for entry, content in entries if content}
    body = listed + b"".join(distinct.values()) + more
    packed = zlib.compress(body) if stream is None else stream
    sizes = (
        len(listed),
        len(body) if body_size is None else body_size,
        len(packed),
        len(history) if history_size is None else history_size,
    )
    return HEADER.pack(magic, form, kind, *sizes) + packed + history + after


def _row(fault: str, said: str, hostile: Sequence[tuple[Line, bytes]], twin: Sequence[tuple[Line, bytes]]) -> Forged:
    return Forged(fault, said, forge(hostile), forge(twin))


ONE = [file("a.py")]
BODY_OF_ONE = msgspec.json.encode([ONE[0][0]]) + b"x\n"
PATHS = (
    ("absolute path", "is absolute", "/etc/passwd", "etc/passwd"),
    ("dot dot", "leaves the project", "../a.py", "..a.py"),
    ("dot dot inside", "leaves the project", "src/../../a.py", "src/..a/a.py"),
    ("dot", "an empty part or `.`", "./a.py", "src/a.py"),
    ("empty part", "an empty part or `.`", "src//a.py", "src/a.py"),
    ("trailing slash", "an empty part or `.`", "src/", "src/a"),
    ("empty path", "is empty", "", "a"),
    ("git folder", "the name .git", ".git/config", "git/config"),
    ("git folder below", "the name .git", "lib/.git/hooks/pre-commit", "lib/.github/hooks/pre-commit"),
    ("git folder in capitals", "the name .git", ".GIT/config", ".GITHUB/config"),
    ("git folder of Windows", "git's own folder", "git~1/config", "git1/config"),
    ("git folder of macOS", "git's own folder", ".g\u200cit/config", ".g\u00fct/config"),
    ("NUL", "a control character", "a\0.py", "a0.py"),
    ("line feed", "a control character", "a\nb.py", "ab.py"),
    ("backslash", "backslash", "a\\b.py", "a/b.py"),
    ("long name", "longer than 255 bytes", "n" * 256, "n" * 255),
    ("long name in bytes", "longer than 255 bytes", "\u00fc" * 128, "\u00fc" * 127),
    ("long path", "longer than 400 characters", "/".join(["n" * 100] * 4), "/".join(["n" * 99] * 4)),
    ("deep path", "nested deeper than 32", "d/" * 33 + "a", "d/" * 32 + "a"),
)
LINKS = (
    ("link to an absolute path", "absolute target", "/etc/passwd", "etc/passwd"),
    ("link out of the tree", "leads out of the tree", "../x", "x"),
    ("link out of the tree by a detour", "leads out of the tree", "src/../../x", "src/../x"),
    ("link to itself", "leads out of the tree or into a cycle", "l", "m"),
    ("empty link", "do not fit its kind", "", "x"),
    ("link with a control character", "unprintable", "a\x1bb", "ab"),
    ("long link", "too long", "x" * 401, "x" * 400),
)
ENTRIES = (
    _row("duplicate", "a duplicate", [file("a.py"), file("a.py")], [file("a.py"), file("b.py")]),
    _row("wrong order", "not in order", [file("b.py"), file("a.py")], [file("a.py"), file("b.py")]),
    _row("case collision", "differ only in case", [file("A.py"), file("a.py")], [file("A.py"), file("b.py")]),
    _row(
        "case collision of folders",
        "differ only in case",
        [file("Src/a.py"), file("src/b.py")],
        [file("Src/a.py"), file("srd/b.py")],
    ),
    _row("case collision of a folder and a file", "also the folder", [file("LIB"), file("lib/a")], [file("lib/a")]),
    _row("file that is also a folder", "also the folder", [file("a"), file("a/b")], [file("a"), file("ab/b")]),
    _row("link that is also a folder", "also the folder", [link("a", "b"), file("a/c")], [link("a", "b"), file("b/c")]),
    _row(
        "chain of links out of the tree",
        "leads out of the tree",
        [link("a", "b"), link("b", "../c")],
        [link("a", "b"), link("b", "c")],
    ),
    _row(
        "submodule without commit",
        "no commit id",
        [odd("m", "submodule", target="main")],
        [odd("m", "submodule", target=COMMIT)],
    ),
    _row("file without digest", "do not fit its kind", [odd("a", "file")], ONE),
    _row("link with digest", "do not fit its kind", [odd("a", "link", digest="0" * 64, target="b")], [link("a", "b")]),
    _row("unknown kind", "cannot be read", [odd("a", "socket")], ONE),
    _row("negative size", "impossible size", [(("a", "file", digest_of(b"x\n"), "", -2), b"x\n")], ONE),
    _row("size of a link", "impossible size", [odd("a", "link", target="b", size=1)], [link("a", "b")]),
    _row("huge file", "33554433 bytes", [(("a", "file", "0" * 64, "", 32 * 1024**2 + 1), b"")], ONE),
    _row(
        "content of another digest",
        "does not have its digest",
        [(("a", "file", digest_of(b"y\n"), "", 2), b"x\n")],
        ONE,
    ),
    _row("missing content", "does not have its digest", [(("a", "file", digest_of(b"x\n"), "", 2), b"")], ONE),
    _row(
        "one content with two sizes",
        "impossible size",
        [file("a"), (("b", "file", digest_of(b"x\n"), "", 1), b"x\n")],
        [file("a"), file("b")],
    ),
    _row("deleted in a base", "has no deleted entries", [odd("a", "deleted")], []),
    _row(
        "too many entries",
        "10001 entries",
        [link(f"{n:05}", "x") for n in range(10_001)],
        [link(f"{n:05}", "x") for n in range(10_000)],
    ),
)
FORMS = (
    ("no header", "shorter than its header", b"AURAPACK"),
    ("other magic number", "unknown form", forge(ONE, magic=b"AURAPACX")),
    ("later form", "unknown form", forge(ONE, form=2)),
    ("unknown kind of pack", "unknown form", forge(ONE, kind=2)),
    ("bytes after the end", "do not fit", forge(ONE, after=b"x")),
    ("history longer than the pack", "do not fit", forge(ONE, history_size=5)),
    ("no zlib data", "not zlib data", forge(ONE, stream=b"no zlib data")),
    ("truncated stream", "size in its header", forge(ONE, stream=zlib.compress(BODY_OF_ONE)[:-3])),
    ("bytes after the stream", "size in its header", forge(ONE, stream=zlib.compress(BODY_OF_ONE) + b"x")),
    ("stream longer than it says", "size in its header", forge(ONE, body_size=len(BODY_OF_ONE) - 1)),
    ("stream shorter than it says", "size in its header", forge(ONE, body_size=len(BODY_OF_ONE) + 1)),
    ("more content than entries", "more content", forge(ONE, more=b"x")),
    ("list that is no JSON", "cannot be read", forge([], index=b"{[")),
    ("list of other things", "cannot be read", forge([], index=b'[{"path":"a"}]')),
    ("list with a further field", "cannot be read", forge([], index=b'[["a","file","","",0,1]]')),
    ("bomb: small stream, huge promise", "expands more than 200 times", forge(ONE, body_size=100 * 1024**2)),
    ("bomb: more than the tree's limit", "content has", forge(ONE, body_size=300 * 1024**2)),
    ("bomb: real zeros", "size in its header", forge(ONE, stream=zlib.compress(bytes(64 * 1024**2)))),
    ("history that is too large", "history has", forge(ONE, history=bytes(24 * 1024**2 + 1))),
)  # fmt: skip
CORPUS: tuple[Forged, ...] = (
    *(_row(fault, said, [file(bad)], [file(good)]) for fault, said, bad, good in PATHS),
    *(_row(fault, said, [link("l", bad)], [link("l", good)]) for fault, said, bad, good in LINKS),
    *ENTRIES,
    *(Forged(fault, said, hostile, forge(ONE)) for fault, said, hostile in FORMS),
)
