"""The attested facts about a folder as text."""

from director.services.attestations import SHOWN_MAX, CheckedFolder
from director.terminal.escape import visible
from director.terminal.text import table
from domain.wording import counted


def attestation_text(checked: CheckedFolder) -> str:
    """Return the attested facts for people: first that the files are genuine, then the inputs of the verdict."""
    said = checked.statement
    verdict = said.configured("verdict")
    told = verdict.annotations if verdict else {}
    rows = [("result", said.predicate.result), ("tree", said.tree())]
    rows += [(each.name, digest) for each in said.predicate.configuration for digest in each.digest.values()]
    rows += [(name, str(told[name])) for name in ("seed", "sandbox") if name in told]
    rows.append(("passed", ", ".join(said.predicate.passed_tests)))
    rows += [("warned", ", ".join(said.predicate.warned_tests))] if said.predicate.warned_tests else []
    rows += [("not held", ", ".join(map(str, told["notHeld"])))] if told.get("notHeld") else []
    rows += [("on the base", note) for note in filter(None, (said.base().short, *said.base().lines))]
    rows.append(("signed by", checked.key))
    lines = [
        f"Genuine: {counted(len(said.files()), 'file is', 'files are')} exactly as judged, and "
        f"{counted(len(said.delivered()), 'file is', 'files are')} exactly as delivered.",
        f"Why the key is trusted: {checked.trust}.",
    ]
    if checked.not_covered:
        lines.append(f"Not covered by a signature: {', '.join(checked.not_covered)}.")
    if checked.not_looked_at:
        named = ", ".join(map(visible, checked.not_looked_at[:SHOWN_MAX]))
        lines.append(f"Not checked: {named}. Delete these folders before you run the code.")
    return "\n".join([*lines, "", table(("what", "attested"), [(name, visible(value)) for name, value in rows])])
