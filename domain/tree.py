"""A tree of files by content: path -> sha256, and one digest for the whole."""

import hashlib
from collections.abc import Mapping

import msgspec


def digest_of(content: bytes) -> str:
    """Hex sha256 of one blob."""
    return hashlib.sha256(content).hexdigest()


def manifest_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path -> hex sha256, sorted by path."""
    return {path: digest_of(files[path]) for path in sorted(files)}


def tree_digest(manifest: Mapping[str, str]) -> str:
    """Hex sha256 of the manifest as canonical JSON (sorted keys, no spaces)."""
    return digest_of(msgspec.json.encode(dict(manifest), order="sorted"))
