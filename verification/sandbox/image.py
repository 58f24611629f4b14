"""The root file system image of a box. It is built once from this Python, and both sandboxes use it."""

import hashlib
import os
import shutil
import stat
import sys
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from verification.sandbox import rootfs
from verification.sandbox.orphans import new_tag, sweep_folders
from verification.sandbox.runtime import interpreter

RECORD = "image.json"
REPOSITORY = "aura-box"
DIGEST_LABEL = "aura.sandbox.digest"
RECIPE_LABEL = "aura.sandbox.recipe"
_RECIPE_VERSION = 1  # version of the build steps; increase it when a changed step makes a different image
_BLOCK_BYTES = 1024 * 1024
_DERIVED = "__pycache__"  # folders with byte code; the same sources give different byte code in each build


class Image(msgspec.Struct, frozen=True):
    """One image. `recipe` is the hex sha256 of its inputs, and `digest` is the hex sha256 of its content."""

    digest: str
    recipe: str
    folder: str  # absolute path of the root file system
    bytes: int
    files: int
    python: str

    @property
    def rootfs(self) -> Path:
        return Path(self.folder)

    @property
    def tag(self) -> str:
        return tag_of(self.digest)


_image = msgspec.json.Decoder(Image)


def tag_of(digest: str) -> str:
    """Return the name that the image with this digest has in a container engine."""
    return f"{REPOSITORY}:{digest[:32]}"


def recipe() -> str:
    """Return a digest of an image's inputs: this interpreter, the machine, our source files. It is fast to compute."""
    own = hashlib.sha256()
    for name in ("rootfs.py", "launcher.py"):
        own.update(Path(__file__).with_name(name).read_bytes())
    found = interpreter().stat()
    facts = (_RECIPE_VERSION, sys.version, os.uname().machine, str(interpreter()), found.st_size, own.hexdigest())
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def find_image(store: Path) -> Image | None:
    """Return the image in `store` if it has the same recipe, else None."""
    try:
        found = _image.decode((store / RECORD).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.recipe == recipe() and found.rootfs.is_dir() else None


def build_image(store: Path, say: Callable[[str], None]) -> Image:
    """Build an image in `store` and replace the old image. The call blocks for about 15 s. Raises Unavailable."""
    store.mkdir(parents=True, exist_ok=True)
    sweep_folders(store)
    made = store / new_tag()
    made.mkdir(mode=0o755)
    try:
        say("copying Python, a shell and their libraries")
        rootfs.fill(made)
        say("computing the digest of the image's content")
        digest, size, files = measure(made)
        place = store / f"rootfs-{digest[:16]}"
        if place.exists():
            shutil.rmtree(made)
        else:
            made.rename(place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    image = Image(digest, recipe(), str(place.absolute()), size, files, sys.version.split()[0])
    record = store / f"{RECORD}.{os.getpid()}"
    record.write_bytes(msgspec.json.encode(image))
    record.replace(store / RECORD)
    for old in store.glob("rootfs-*"):
        if old != place:
            shutil.rmtree(old)
    return image


def measure(root: Path) -> tuple[str, int, int]:
    """Return a digest of the tree, its size in bytes and its number of entries.

    The digest covers paths, kinds, modes and contents, but no byte code.
    """
    digest, size, count = hashlib.sha256(), 0, 0
    for path, name in entries(root):
        found = path.lstat()
        count += 1
        size += found.st_size if stat.S_ISREG(found.st_mode) else 0
        if _DERIVED in path.parts:
            continue
        if stat.S_ISLNK(found.st_mode):
            content = os.readlink(path).encode()
        else:
            content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
        line = (name, stat.filemode(found.st_mode), hashlib.sha256(content).hexdigest())
        digest.update(repr(line).encode())
    return digest.hexdigest(), size, count


def entries(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield (path, path relative to the root) for every entry below the root, sorted."""
    yield from sorted(((path, path.relative_to(root).as_posix()) for path in root.rglob("*")), key=lambda each: each[1])


def write_archive(image: Image, target: IO[bytes]) -> None:
    """Write the image in the format of `docker load`. The image's id in Docker depends only on its content."""
    layer = target.name + ".layer"
    try:
        with open(layer, "wb") as file:
            _write_layer(image.rootfs, file)
        with open(layer, "rb") as file:
            layer_digest = hashlib.file_digest(file, "sha256").hexdigest()
        config = msgspec.json.encode(_config(image, layer_digest))
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": name, "RepoTags": [image.tag], "Layers": ["layer.tar"]}]
        with tarfile.open(fileobj=target, mode="w") as archive:
            _add(archive, name, config)
            _add(archive, "manifest.json", msgspec.json.encode(manifest))
            archive.add(layer, arcname="layer.tar", filter=_plain)
    finally:
        Path(layer).unlink(missing_ok=True)


def _write_layer(root: Path, target: IO[bytes]) -> None:
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, name in entries(root):
            archive.add(path, arcname=name, recursive=False, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    if entry.islnk():
        entry.type = tarfile.REGTYPE
    return entry


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, BytesIO(content))


def _config(image: Image, layer: str) -> dict[str, object]:
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return {
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Labels": {DIGEST_LABEL: image.digest, RECIPE_LABEL: image.recipe}, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "aura sandbox build"}],
    }
