"""Names of languages after a fence, and a check whether a language fits a file's name."""

_BY_SUFFIX: dict[str, tuple[str, ...]] = {
    "py": ("python", "py", "python3", "py3", "python2", "gyp", "cython", "starlark"),
    "pyi": ("python", "py", "pyi"),
    "md": ("markdown", "md", "mdx", "gfm", "commonmark"),
    "rst": ("rst", "restructuredtext", "rest"),
    "txt": ("text", "txt", "plaintext", "plain"),
    "json": ("json", "jsonc", "json5"),
    "yaml": ("yaml", "yml"),
    "yml": ("yaml", "yml"),
    "toml": ("toml", "ini"),
    "ini": ("ini", "cfg", "conf", "properties", "toml"),
    "cfg": ("ini", "cfg", "conf", "properties"),
    "sh": ("bash", "sh", "shell", "zsh"),
    "js": ("javascript", "js", "jsx", "mjs"),
    "ts": ("typescript", "ts", "tsx"),
    "html": ("html", "htm", "jinja", "xml"),
    "css": ("css", "scss", "less"),
    "sql": ("sql", "postgresql", "sqlite"),
    "xml": ("xml", "html", "svg"),
    "csv": ("csv", "tsv"),
    "rs": ("rust", "rs"),
    "go": ("go", "golang"),
    "c": ("c", "h"),
    "h": ("c", "h", "cpp"),
    "cpp": ("cpp", "c++", "cc", "cxx"),
    "java": ("java",),
    "rb": ("ruby", "rb"),
}
_BY_NAME: dict[str, tuple[str, ...]] = {
    "makefile": ("makefile", "make", "mk"),
    "dockerfile": ("dockerfile", "docker"),
    "license": ("text", "txt", "plaintext"),
    ".gitignore": ("gitignore", "text", "txt"),
}
SHELL = frozenset({"bash", "sh", "shell", "zsh", "fish", "console", "shell-session", "powershell", "ps1", "cmd", "bat"})
OUTPUT = frozenset({"console", "output", "log", "stdout", "pycon", "shell-session", "terminal", "traceback", "pytb"})
DIFF = frozenset({"diff", "patch", "udiff"})
NEUTRAL = frozenset({"", "text", "txt", "plaintext", "plain", "code", "none", "file", "tool_code", "output"})
MARKDOWN = frozenset({*_BY_SUFFIX["md"], *_BY_SUFFIX["rst"]})
PYTHON = frozenset(_BY_SUFFIX["py"])
LANGUAGES = frozenset(
    {name for names in (*_BY_SUFFIX.values(), *_BY_NAME.values()) for name in names}
    | SHELL
    | OUTPUT
    | DIFF
    | NEUTRAL
    | {"kotlin", "swift", "php", "perl", "lua", "r", "scala", "haskell", "elixir", "erlang", "cs", "csharp", "dart"}
    | {"graphql", "proto", "protobuf", "nix", "cmake", "vue", "svelte", "tex", "latex", "mermaid", "http", "regex"}
    | {
        "search-replace",
        "apply_patch",
        "edit",
        "pseudocode",
        "env",
        "dotenv",
        "lisp",
        "clojure",
        "zig",
        "jinja2",
        "xml",
    }
) - {""}
SUFFIXES = frozenset(_BY_SUFFIX) | {"lock", "env", "conf", "tsx", "jsx", "mjs", "bat", "ps1", "svg", "pth", "mk", "php"}
"""File name endings. A word with such an ending counts as a file name, even without other evidence."""


def suffix_of(path: str) -> str:
    """Return the ending of a file's name in lower case, or an empty text."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name[1:] else ""


def fits(language: str, path: str) -> bool | None:
    """Return whether a fence's language is one of the file's languages, or None if the language gives no information
    about files.
    """
    if language in NEUTRAL or language not in LANGUAGES or language in DIFF:
        return None
    name = path.rpartition("/")[2].lower()
    known = _BY_NAME.get(name) or _BY_SUFFIX.get(suffix_of(path))
    if known is None:
        return None if language not in SHELL | OUTPUT else False
    return language in known


def is_markdown(language: str, path: str) -> bool:
    """Return whether a block is Markdown or similar prose, which may contain fences."""
    return language in MARKDOWN or suffix_of(path) in ("md", "mdx", "rst", "markdown")
