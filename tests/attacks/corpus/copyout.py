"""Attacks on the code that reads the files of a box after its end."""

import io
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.attacks.attack import Attack, Judge, Seen, all_got, both
from verification.sandbox.base import MIB, Limits

ALL = ("out/**",)
BOMB_BYTES = 24 * MIB


def _only(*paths: str) -> Judge:
    def judge(seen: Seen) -> str:
        if set(seen.files) != set(paths):
            return f"what came out is {sorted(seen.files)[:5]}, by {seen.reason} {seen.said}"
        return "" if seen.refused else "what was refused is not said"

    return judge


def _leaked(seen: Seen) -> str:
    return "" if seen.leaked else f"a naive copy does not follow the links: {sorted(seen.files)[:5]} {seen.said}"


def _bounded(seen: Seen) -> str:
    if not seen.files or seen.reason != "exit":
        return f"nothing honest came out: {seen.reason} {seen.said}"
    odd = [path for path in seen.files if path.startswith("/") or ".." in path.split("/") or path.count("/") > 16]
    return f"odd paths: {odd[:3]}" if odd else ""


def _tar_stays_closed(seen: Seen) -> str:
    return "" if set(seen.files) == {"out/evil.tar"} else f"what came out is {sorted(seen.files)}"


def _tar_leaves_its_folder(seen: Seen) -> str:
    """Judge that the archive, unpacked without checks, writes outside its folder."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, "a", "b")
        folder.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(seen.files["out/evil.tar"])) as archive:
            archive.extractall(folder, filter="fully_trusted")
        return "" if Path(top, "left").exists() else "the archive stays in its folder by itself"


def _bomb_stays_packed(seen: Seen) -> str:
    sizes = {path: len(content) for path, content in seen.files.items()}
    return "" if set(sizes) == {"out/bomb.zip"} and sizes["out/bomb.zip"] < MIB else f"what came out is {sizes}"


def _bomb_bursts(seen: Seen) -> str:
    with zipfile.ZipFile(io.BytesIO(seen.files["out/bomb.zip"])) as archive:
        size = sum(len(archive.read(name)) for name in archive.namelist())
    return "" if size >= BOMB_BYTES else f"it unpacks to {size} bytes only"


def _more_than(most: int) -> Judge:
    return lambda seen: "" if sum(map(len, seen.files.values())) > most else "a naive copy is small too"


ATTACKS = (
    Attack(
        name="o01",
        title="symbolic links",
        tries="leaves links to a file of the host, to a folder and to the root, which a reader might follow",
        code="""
os.makedirs("out/deep")
open("out/deep/good", "w").write("good")
os.symlink(FACTS["folder"] + "/secret", "out/file")
os.symlink(FACTS["folder"], "out/folder")
os.symlink("/", "out/root")
os.symlink("../../../../../../.." + FACTS["folder"] + "/secret", "out/deep/relative")
os.symlink("/proc/self/environ", "out/environment")
say("look made", "got them")
""",
        collect=("out/file", "out/deep/*", "out/folder/**", "out/root/etc/*", "out/environment"),
        contained=_only("out/deep/good"),
        works=both(all_got("look made"), _leaked),
    ),
    Attack(
        name="o02",
        title="links, fifos and sockets",
        tries="leaves hard links, a fifo that would block its reader, and a socket",
        code="""
import socket, stat
os.makedirs("out")
open("out/good", "w").write("good")
open("out/a", "w").write("twice")
os.link("out/a", "out/b")
os.mkfifo("out/fifo")
socket.socket(socket.AF_UNIX).bind("out/socket")
attempt("look fifo", lambda: stat.S_ISFIFO(os.stat("out/fifo").st_mode) or 1 / 0)
attempt("look socket", lambda: stat.S_ISSOCK(os.stat("out/socket").st_mode) or 1 / 0)
attempt("look hard link", lambda: os.stat("out/a").st_nlink == 2 or 1 / 0)
""",
        collect=ALL,
        contained=_only("out/good"),
        works=all_got("look fifo", "look socket", "look hard link"),
    ),
    Attack(
        name="o03",
        title="names, depth and number",
        tries="leaves names that are not UTF-8, very deep folders and too many files",
        code="""
os.makedirs("out/" + "/".join(["deep"] * 30))
open("out/" + "/".join(["deep"] * 30) + "/bottom", "w").close()
for number in range(300):
    open(f"out/n{number}", "w").close()
for name in (b"\\xff\\xfe", b"new\\nline", b"\\x1b[2J", b"-rf", b" ", b"a" * 255, b"..."):
    os.close(os.open(b"out/" + name, os.O_CREAT | os.O_WRONLY))
say("look made", "got them")
""",
        collect=ALL,
        contained=both(_bounded, lambda seen: "" if seen.refused else "what was refused is not said"),
        works=both(
            all_got("look made"), lambda seen: "" if len(seen.files) > 300 else "a naive copy does not bring them out"
        ),
    ),
    Attack(
        name="o04",
        title="an archive that leaves its folder",
        tries="leaves a tar file with members above its folder, which the reader might unpack",
        code="""
import io, tarfile
os.makedirs("out")
with tarfile.open("out/evil.tar", "w") as archive:
    archive.addfile(tarfile.TarInfo("../../left"), io.BytesIO())
say("look made", "got it")
""",
        collect=ALL,
        contained=_tar_stays_closed,
        works=both(all_got("look made"), _tar_leaves_its_folder),
    ),
    Attack(
        name="o05",
        title="an archive that becomes very large",
        tries="leaves a small zip file whose content is larger than the limit of collected output",
        code="""
import zipfile
os.makedirs("out")
with zipfile.ZipFile("out/bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("zeros", bytes(FACTS["bytes"]))
say("look made", "got it")
""",
        facts={"bytes": BOMB_BYTES},
        collect=ALL,
        contained=_bomb_stays_packed,
        works=both(all_got("look made"), _bomb_bursts),
    ),
    Attack(
        name="o06",
        title="more than the limit of output files",
        tries="leaves ten files of 1 MiB although the limit is 4 MiB",
        code="""
os.makedirs("out")
for number in range(10):
    open(f"out/{number}", "wb").write(bytes(1 << 20))
say("look made", "got them")
""",
        limits=Limits(wall_s=20, collect_bytes=4 * MIB),
        collect=ALL,
        contained=both(_bounded, lambda seen: "" if seen.refused else "what was refused is not said"),
        works=both(all_got("look made"), _more_than(4 * MIB)),
    ),
)
