"""The checks of this machine and its sandbox as text for people."""

from collections.abc import Sequence

from director.doctor.check import Part
from director.doctor.sandbox_image import BuiltImage
from verification.sandbox.base import Capabilities

_MIB = 1024 * 1024


def parts_text(parts: Sequence[Part]) -> str:
    """Return a line for each part, and its remedy below it."""
    width = max(len(part.name) for part in parts)
    lines = []
    for part in parts:
        lines.append(f"{part.state:<8}  {part.name:<{width}}  {part.says}")
        if part.remedy:
            lines.append(f"{'':<8}  {'':<{width}}  -> {part.remedy}")
    return "\n".join(lines)


def image_text(built: BuiltImage) -> str:
    """Return the folder of the sandbox image, and the sandboxes that use the image."""
    bubblewrap = "uses it"
    if not built.bubblewrap:
        bubblewrap = "does not use it: the sandbox's user may not enter this folder, so /usr is used instead"
    return "\n".join(
        [
            f"Built: {built.folder} ({built.bytes / _MIB:.0f} MiB, {built.files} files, Python {built.python})",
            f"digest      {built.digest}",
            f"Docker      {built.tag if built.docker.has_it else f'does not have it: {built.docker.reason}'}",
            f"bubblewrap  {bubblewrap}",
        ]
    )


def capabilities_text(held: Capabilities, machine: str, accepted: Sequence[str]) -> str:
    """Return the limits that this machine's sandbox does not hold, and those of them that are accepted as missing."""
    faults = f"does not hold: {', '.join(held.not_held)}" if held.not_held else "holds every limit"
    lines = [f"{held.backend}, {held.confinement}: {faults}", f"image {held.image}", f"machine {machine}"]
    if held.not_held:
        lines.append(f"accepted here: {', '.join(accepted) or 'nothing'}")
    return "\n".join(lines)
