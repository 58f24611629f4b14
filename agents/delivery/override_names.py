"""Names of the files that describe the delivery of an override."""

from collections.abc import Collection

from agents.delivery.packaging import ProofNames, proof_names


def override_names(tree: Collection[str]) -> ProofNames:
    """Return names that the tree does not use. None of them says that there is a verdict."""
    names = proof_names(tree)
    prefix = "aura-" if names.statement.startswith("aura-") or {"override.json", "override.pub"} & set(tree) else ""
    return ProofNames(
        readme=names.readme,
        verdict=f"{prefix}override.json",
        statement=f"{prefix}override.intoto.jsonl",
        key=f"{prefix}override.pub",
    )
