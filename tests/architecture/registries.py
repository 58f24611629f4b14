"""The rule for addresses of package registries."""

import re

# Written in two parts so that this file holds none of them.
_REGISTRIES = re.compile(
    "|".join(
        re.escape(head + tail)
        for head, tail in (
            ("py", "pi.org"),
            ("pythonho", "sted.org"),
            ("registry.np", "mjs.org"),
            ("index.cra", "tes.io"),
            ("proxy.gol", "ang.org"),
            ("--index", "-url"),
            ("--extra-index", "-url"),
            ("--find", "-links"),
            ("--trusted", "-host"),
        )
    )
)


def no_registry_address(path: str, text: str) -> list[str]:
    """Forbid addresses of package registries, because the reader's own settings choose the registry.

    `text` is a tracked file.
    """
    return [
        f"{path}:{number}: names a package registry: {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        if (match := _REGISTRIES.search(line))
    ]
