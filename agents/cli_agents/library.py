"""The templates that are known: those of this program, and the user's own in AURA_HOME/employees/templates."""

from functools import cache
from pathlib import Path

from agents.cli_agents.template import TEMPLATE_BYTES_MAX, AgentTemplate, parse
from domain.errors import Invalid, NotFound

FOLDER = "templates"
"""Name of the folder with a user's own templates, in the folder of the employees."""
_SHIPPED = Path(__file__).parent / FOLDER


@cache
def shipped() -> dict[str, AgentTemplate]:
    """Return the templates of this program, by name."""
    return _read(_SHIPPED)


def templates(employees: Path) -> dict[str, AgentTemplate]:
    """Return all templates by name. A user's own template replaces a template of this program with the same name.

    Raises Invalid with file and line for a template that cannot be read.
    """
    return {**shipped(), **_read(employees / FOLDER)}


def template_named(name: str, employees: Path) -> AgentTemplate:
    """Return the template of this name. Raises NotFound with the known names, and Invalid for a bad file."""
    known = templates(employees)
    if name not in known:
        raise NotFound(
            f"There is no coding agent {name[:60]!r}.",
            hint=f"The known agents are: {', '.join(sorted(known))}. Your own are files in {employees / FOLDER}.",
            code="agent_template",
        )
    return known[name]


def _read(folder: Path) -> dict[str, AgentTemplate]:
    found: dict[str, AgentTemplate] = {}
    for path in sorted(folder.glob("*.toml")):
        template = _parsed(path)
        if template.name != path.stem:
            raise Invalid(
                f"The template {path} has the name {template.name!r}.",
                hint=f'Give file and template the same name: name = "{path.stem}".',
                code="agent_template",
            )
        found[template.name] = template
    return found


def _parsed(path: Path) -> AgentTemplate:
    try:
        with path.open("rb") as file:
            content = file.read(TEMPLATE_BYTES_MAX + 1)
        if len(content) > TEMPLATE_BYTES_MAX:
            raise Invalid(f"The template {path} has more than {TEMPLATE_BYTES_MAX} bytes.", hint="Make it shorter.")
        return parse(content.decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"The template {path} cannot be read: {error}.", hint="Make it a readable UTF-8 file, or remove it."
        ) from error
