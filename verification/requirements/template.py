"""Templates of requirement files for `aura init`, and templates of the parts that a file of prose still needs."""

import re

from verification.requirements.base_keys import BASE_KEYS
from verification.requirements.frontmatter import EXAMPLES

FENCE = "```"
SAY_WHAT_FOR = "Say here, for people and models, what"
NAME_FUNCTIONS = "Name the functions, their parameters and their results. A model knows only the text of this file."
SAY_HOLDS = "say here in one sentence what must be true"
REPLACE_CASE = "Replace this case"
REPLACE_BASE = "Replace this base"
"""Phrases that a person must replace. A requirement with one of these phrases cannot be submitted (unfilled.py)."""
_EXACT_TYPE = "    # with `exact_type: true` beside `returns`, an instance of a subclass is refused\n"


def template(name: str, *, deliver: str = "library") -> str:
    """Return a complete, valid requirement for NAME.md. `deliver` is library or cli."""
    module = module_of(name)
    prose = (
        f"# {title_of_name(name)}\n\n"
        f"{SAY_WHAT_FOR} `{module}` is for, what it must do and what it must not do.\n"
        f"{NAME_FUNCTIONS}\n"
    )
    return (
        f"{front_matter(name, title_of_name(name), deliver=deliver)}{prose}\n{acceptance_block(name, deliver=deliver)}"
    )


def sealed_template(name: str, *, deliver: str = "library") -> str:
    """Return the content of NAME.sealed.yaml for `template`: cases that no employee sees."""
    case = _case(module_of(name), "Good  morning", "good-morning", deliver)
    return (
        "# Sealed cases have the same form as the acceptance block. No employee ever sees this file.\n"
        "# If a sealed case fails, an employee sees only the criterion's id.\n"
        f"- id: A1\n  cases:\n    # {REPLACE_CASE} with your own case.\n{case}"
    )


def scaffold(name: str, prose: str = "", *, deliver: str = "library") -> str:
    """Return a requirement made from existing prose: front matter above the prose, an acceptance block below it."""
    text = prose.strip() or f"# {title_of_name(name)}\n\nSay here what the code is for and what it must do."
    front = front_matter(name, title_of(prose) or title_of_name(name), deliver=deliver)
    return f"{front}{text}\n\n{acceptance_block(name, deliver=deliver)}"


def front_matter(name: str, title: str, *, deliver: str = "library") -> str:
    """Return a front matter with every required key."""
    module = module_of(name)
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    command = f'command: "{module} = {module}:main"\n' if deliver == "cli" else ""
    return (
        "---\n"
        "aura: 1\n"
        f'title: "{quoted}"\n'
        f"deliver: {deliver}\n"
        f"{command}"
        f'scope: ["{module}.py"]  # the only paths that may be written\n'
        "# base: {repo: ../site, ref: main}  # the repository to change; the keys below need a base\n"
        f"{_commented(BASE_KEYS)}"
        "# dependencies: from-base  # the base's declared libraries; without a base, write a list of exact versions\n"
        f"{_commented(('suite_limits',))}"
        'budget: {usd: "1.00", tokens: 100000, minutes: 20}  # 0 means stop, never "no limit"\n'
        "---\n"
    )


def _commented(keys: tuple[str, ...]) -> str:
    """Return a comment line with an example for each key. Without its `# `, the line is a part of the front matter."""
    return "".join(f"# {key}: {EXAMPLES[key]}\n" for key in keys)


def acceptance_block(name: str, *, deliver: str = "library") -> str:
    """Return an acceptance block with one criterion, which a person must replace."""
    case = _case(module_of(name), "Hello  World", "hello-world", deliver)
    return (
        "## Acceptance\n\n"
        f"{FENCE}yaml acceptance\n"
        "- id: A1\n"
        f"  says: {SAY_HOLDS}, such as words are lowercased and joined by one hyphen\n"
        "  # holds_already: true  # only if the base already meets this criterion; otherwise it must fail on the base\n"
        f"  cases:\n    # {REPLACE_CASE} with your own case.\n{case}"
        f"{_EXACT_TYPE if deliver == 'library' else ''}"
        f"{FENCE}\n"
    )


def _case(module: str, given: str, result: str, deliver: str) -> str:
    if deliver == "cli":
        return f'    - {{run: ["{module}", "{given}"], exit: 0, stdout: "{result}\\n"}}\n'
    return f'    - {{call: "{module}:{module}", args: ["{given}"], returns: "{result}"}}\n'


def title_of(prose: str) -> str | None:
    """Return the first heading of a text as a title of one line; None if there is no heading."""
    match = re.search(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", prose, re.MULTILINE)
    words = "".join(char for char in match[1] if char.isprintable())[:200].strip() if match else ""
    return words or None


def title_of_name(name: str) -> str:
    """Return the title for a file name: `Hello slug` for `hello-slug`."""
    words = re.sub(r"[^A-Za-z0-9]+", " ", name).strip() or "Project"
    return words[0].upper() + words[1:200]


def module_of(name: str) -> str:
    """Return the Python module for a file name: `hello_slug` for `hello-slug`."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "project"
    return word if word[0].isalpha() else f"m_{word}"
