"""The template of a coding agent: its program, its command line, and how it reaches the gateway. A template is TOML."""

import hashlib
import platform
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from agents.gateway.refusals import WireName
from domain.errors import Invalid

Wire = Literal["chat", "responses", "messages", "generateContent"]
PromptWay = Literal["stdin", "file", "argument", "acp"]
"""The way in which the program gets its prompt. `acp`: by the Agent Client Protocol, over its standard input."""
TEMPLATE_BYTES_MAX = 64 * 1024
PLACEHOLDERS = frozenset(
    {"model", "gateway", "prompt", "prompt_file", "home", "toolbox", "flags", "arch", "machine", "output_tokens"}
)
"""Names between braces that the command line, the environment and the files of a template may contain."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_VERSION = re.compile(r"[0-9](?:[0-9A-Za-z.+-]|\{arch\})*")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WIRES: Mapping[Wire, WireName] = {
    "chat": "chat",
    "responses": "responses",
    "messages": "messages",
    "generateContent": "gemini",
}
_EXAMPLE = 'wire = "chat"\nargv = ["{toolbox}/bin/my-agent", "--model", "{model}", "{flags}"]\nprompt = "stdin"'


class AgentTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of coding agent.

    `npm`, `pip`: packages of its program with exact versions. `node`: the version of Node.js that runs it; empty: the
    program needs none. `files`: text files that are written before it starts, by their absolute paths. `own_files`:
    path patterns of files that the program writes by itself into the working copy; they are never handed in. `refused`:
    a reason -> the flags that a user may not add for this reason.
    """

    name: str
    says: str
    wire: Wire
    argv: tuple[str, ...]
    prompt: PromptWay
    npm: Mapping[str, str] = {}
    pip: Mapping[str, str] = {}
    node: str = ""
    env: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    own_files: tuple[str, ...] = ()
    refused: Mapping[str, tuple[str, ...]] = {}

    @property
    def wire_name(self) -> WireName:
        """The wire format by its name in the gateway."""
        return _WIRES[self.wire]

    @property
    def digest(self) -> str:
        """Hex sha256 of the template's content. Comments and the order of the keys do not count."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def packages(self) -> dict[str, str]:
        """Return {package: exact version} of the program on this machine."""
        here, packages = places(), {**self.npm, **self.pip}
        return {filled(name, here): filled(version, here) for name, version in packages.items()}


_template = msgspec.json.Decoder(AgentTemplate, strict=True)


def places() -> dict[str, str]:
    """Return the placeholders that depend on this machine: `arch` as npm names it, `machine` as compilers name it."""
    machine = platform.machine()
    return {"machine": machine, "arch": {"x86_64": "x64", "aarch64": "arm64"}.get(machine, machine)}


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the text with the values of its placeholders. A placeholder without a value stays."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def parse(text: str, path: str) -> AgentTemplate:
    """Return the template in a TOML text. Raises Invalid with the file, the line and what to write."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, "", f"it is not TOML: {error}", "Correct the file at this place.") from error
    try:
        template = _template.decode(msgspec.json.encode(raw))
    except msgspec.ValidationError as error:
        hint = f"A template needs name, says and, for example:\n{_EXAMPLE}"
        raise _invalid(path, _line_of(text, _key_of(str(error), raw)), str(error), hint) from error
    for key, problem, hint in _problems(template):
        raise _invalid(path, _line_of(text, key), problem, hint)
    return template


def _problems(template: AgentTemplate) -> Iterator[tuple[str, str, str]]:
    """Yield (key, problem, what to write)."""
    if not _NAME.fullmatch(template.name):
        yield "name", f"{template.name[:60]!r} is not a name", 'Use small letters, digits and -: name = "my-agent"'
    if not template.argv:
        yield "argv", "the command line is empty", 'Write the program first: argv = ["{toolbox}/bin/my-agent"]'
    if not (template.npm or template.pip):
        yield "npm", "it names no package", 'Write a package with its exact version: [npm] and "my-agent" = "1.2.3"'
    if template.npm and template.pip:
        yield "pip", "it has packages of npm and of pip", "Use one of them: write two templates."
    for name, version in {**template.npm, **template.pip}.items():
        if not _VERSION.fullmatch(version):
            yield name, f"{version[:60]!r} is not an exact version of {name}", f'Write for example: "{name}" = "1.2.3"'
    if template.node and not _VERSION.fullmatch(template.node):
        yield "node", f"{template.node[:60]!r} is not an exact version of Node.js", 'Write: node = "24.22.3"'
    yield from _placeholder_problems(template)
    for path in template.files:
        if not path.startswith(("{home}/", "/tmp/")) or ".." in path.split("/"):
            yield (
                "files",
                f"{path[:80]!r} is not a path in the agent's home",
                'Write: [files] and "{home}/settings.json"',
            )


def _placeholder_problems(template: AgentTemplate) -> Iterator[tuple[str, str, str]]:
    known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
    texts = [("argv", each) for each in template.argv]
    texts += [("env", each) for each in template.env.values()]
    texts += [("files", each) for pair in template.files.items() for each in pair]
    for key, text in texts:
        for name in _PLACEHOLDER.findall(text):
            if name not in PLACEHOLDERS:
                yield key, f"there is no placeholder {{{name}}}", f"The placeholders are: {known}."
        if "{flags}" in text and (key != "argv" or text != "{flags}"):
            yield key, "{flags} is not a text of its own", 'Write "{flags}" as one element of argv.'
    wanted = {"argument": "{prompt}", "file": "{prompt_file}"}.get(template.prompt)
    if wanted and not any(wanted in each for each in template.argv):
        yield (
            "argv",
            f"the command line does not contain {wanted}",
            f'Add "{wanted}" to argv, or write prompt = "stdin".',
        )


def _key_of(message: str, raw: Mapping[str, Any]) -> str:
    """Return the top key that a message of the validation names, for example in "... - at `$.argv[0]`"."""
    if found := re.search(r"at `\$\.([A-Za-z_]+)", message):
        return found[1]
    if found := re.search(r"unknown field `([^`]+)`", message):
        return found[1]
    return next(iter(raw), "")


def _line_of(text: str, key: str) -> str:
    """Return the number of the line that begins with this key or table; empty if there is none."""
    begins = re.compile(rf"""\s*\[?["']?{re.escape(key)}["']?\s*[\]=]""")
    number = next((at for at, line in enumerate(text.splitlines(), 1) if key and begins.match(line)), None)
    return f", line {number}" if number else ""


def _invalid(path: str, line: str, problem: str, hint: str) -> Invalid:
    return Invalid(f"The template {path}{line}: {problem}.", hint=hint, code="agent_template")
