"""The digests of everything in a pack. A purge of a content must find every pack that holds it."""

from agents.working_copies.history import GitHistory, parse
from agents.working_copies.pack import Pack, decode
from domain.tree import contents_of, digest_of


def content_digests(pack: Pack, history: GitHistory | None = None) -> frozenset[str]:
    """Return the sha256 of each content in a pack: the pack, its files, its history, and each file in its history.

    `history`: the parsed history of the pack, if the caller has it. Raises PackRefused.
    """
    digests = {pack.name, *contents_of(pack.manifest).values()}
    if pack.history:
        digests.add(digest_of(pack.history))
        read = history or parse(pack.history, pack.tree())
        digests.update(digest_of(each.raw) for each in read.objects.values())
    return frozenset(digests)


def holds(data: bytes, name: str, digest: str) -> bool:
    """Return whether the pack `name` holds a content. Raises PackRefused and LimitReached."""
    return digest in content_digests(decode(data, name))
