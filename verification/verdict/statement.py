"""The signed statement about a verdict: an in-toto Test Result about a tree, with the entry of each path."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from domain.tree import ALGORITHM, FORMER_ALGORITHM, Entry, Manifest, algorithm_of, digest_of, hex_of, tree_text
from verification.verdict.base_notes import BaseNotes

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
TREE = "tree"
"""Name of the subject that represents the whole tree. Its digest algorithm is our own (domain.tree.tree_digest). The
algorithm's name is `auraTree2`, or `auraTree` in statements of release 0.1.0."""
KIND = "auraKind"
"""Annotation of an entry that is not a plain file: executable, link or submodule. A link also has a `target`."""
LINK_DIGEST = "auraLink"
"""Digest of a link: hex sha256 of its target. The name is not sha256, which tools would take for a file's digest."""
COMMIT_DIGEST = "gitCommit"

Result = Literal["PASSED", "WARNED", "FAILED"]


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ResourceDescriptor: one input or output, named by digest."""

    name: str = ""
    digest: Mapping[str, str] = {}
    annotations: Mapping[str, Any] = {}


class Predicate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate, with two fields of our own.

    `aura_delivery`: the files that a delivery adds to the judged ones. `aura_base`: notes about the base, if there is
    one.
    """

    result: Result
    configuration: tuple[Resource, ...]
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()
    aura_delivery: tuple[Resource, ...] = ()
    aura_base: BaseNotes | msgspec.UnsetType = msgspec.UNSET


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An in-toto Statement about a tree, and about each of its files if they are known."""

    type: str = msgspec.field(name="_type", default=STATEMENT_TYPE)
    subject: tuple[Resource, ...]
    predicate_type: str = PREDICATE_TYPE
    predicate: Predicate

    def tree(self) -> str:
        """Return the name of the whole tree, in the form of events; empty if the statement names no tree."""
        for algorithm in (ALGORITHM, FORMER_ALGORITHM):
            for each in self.subject:
                if algorithm in each.digest:
                    return tree_text(algorithm, each.digest[algorithm])
        return ""

    def files(self) -> dict[str, Entry]:
        """Return the judged entries by path. In a statement of release 0.1.0, all entries are plain files."""
        return _by_path(each for each in self.subject if not {ALGORITHM, FORMER_ALGORITHM} & each.digest.keys())

    def delivered(self) -> dict[str, Entry]:
        """Return the entries that the delivery adds, by path."""
        return _by_path(self.predicate.aura_delivery)

    def base(self) -> BaseNotes:
        """Return the notes about the base; empty for a statement of release 0.1.0."""
        return BaseNotes() if self.predicate.aura_base is msgspec.UNSET else self.predicate.aura_base

    def configured(self, name: str) -> Resource | None:
        """Return one input of the verdict by name: `requirement`, `sealed cases`, `image`, `verdict` and so on."""
        return next((each for each in self.predicate.configuration if each.name == name), None)


def named_tree(tree: str) -> dict[str, str]:
    """Return the algorithm and digest in the name of a tree."""
    return {algorithm_of(tree): hex_of(tree)}


def resources(files: Manifest) -> Iterable[Resource]:
    return (_resource(path, files[path]) for path in sorted(files))


def _resource(path: str, entry: Entry) -> Resource:
    match entry.kind:
        case "link":
            digest = {LINK_DIGEST: digest_of(entry.target.encode())}
            return Resource(name=path, digest=digest, annotations={KIND: entry.kind, "target": entry.target})
        case "submodule":
            return Resource(name=path, digest={COMMIT_DIGEST: entry.target}, annotations={KIND: entry.kind})
        case "executable":
            return Resource(name=path, digest={"sha256": entry.digest}, annotations={KIND: entry.kind})
    return Resource(name=path, digest={"sha256": entry.digest})


def _by_path(resources: Iterable[Resource]) -> dict[str, Entry]:
    return {each.name: _entry(each) for each in resources}


def _entry(resource: Resource) -> Entry:
    """Return the entry of a resource. If a link's text does not match its digest, the entry equals no other entry."""
    kind = resource.annotations.get(KIND, "file")
    if kind == "link":
        target = str(resource.annotations.get("target", ""))
        fits = resource.digest.get(LINK_DIGEST) == digest_of(target.encode())
        return Entry(kind="link", target=target if fits else "")
    if kind == "submodule":
        return Entry(kind="submodule", target=resource.digest.get(COMMIT_DIGEST, ""))
    return Entry(kind="executable" if kind == "executable" else "file", digest=resource.digest.get("sha256", ""))
