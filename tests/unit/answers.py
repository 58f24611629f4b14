"""Answers in the forms that models give, by kind, and the result that a user expects of each."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agents.briefs.brief import Brief

FENCE = "```"
WORDS = 'def words(text):\n    """Count the words."""\n    return len(text.split())\n'
WORSE = "def words(text):\n    return 0\n"
AREA = "def area(r):\n    return 3 * r * r\n"
SHOW = 'from shapes import area\n\n\ndef show(r):\n    return f"{area(r)} m2"\n'
README = "# Shapes\n\n`shapes` measures.\n"
NESTED = (
    "# Shapes\n\nUse it:\n\n```python\nfrom show import show\nprint(show(1))\n```\n\nIt prints:\n\n```\n3 m2\n```\n\n"
    "That is all.\n"
)
THREE_FILES = {"shapes.py": AREA, "show.py": SHOW, "README.md": README}
NESTED_FILES = THREE_FILES | {"README.md": NESTED}


def brief(*paths: str, **more: Any) -> Brief:
    """Return the brief of a task with a scope."""
    return Brief(title="t", prose="p", task="T1", criteria=(), paths=paths, **more)


ONE = brief("words.py", definitions={"words": ("words",)})
THREE = brief("shapes.py", "show.py", "README.md", definitions={"shapes": ("area",), "show": ("show",)})


class Sample(NamedTuple):
    """One answer. `files`: the files that a user expects."""

    kind: str
    text: str
    files: Mapping[str, str]
    brief: Brief


def fenced(content: str, info: str = "python", mark: str = FENCE) -> str:
    """Return a fenced block."""
    return f"{mark}{info}\n{content}{mark}\n"


def language_of(path: str) -> str:
    """Return the language that a model writes after a fence for this file."""
    return "markdown" if path.endswith(".md") else "python"


def indented(text: str, before: str) -> str:
    """Return each line with a prefix."""
    return "".join(f"{before}{line}\n" for line in text.splitlines())


def samples_of_one() -> Iterator[Sample]:
    """Return answers with one file in every form."""
    for kind, text in {**_thinking(), **_signs(), **_fences(), **_order(), **_forms()}.items():
        yield Sample(kind, text, {"words.py": WORDS}, ONE)
    for info in INFOS:
        yield Sample(f"info {info}", fenced(WORDS, info), {"words.py": WORDS}, ONE)


def each(files: Mapping[str, str] = THREE_FILES) -> list[tuple[str, str]]:
    return list(files.items())


_INFOS = """\
py
Python
PYTHON
python3
{.python}
{python}
words.py
python:words.py
plaintext
text
1:3:words.py

python words.py
python title="words.py"
python title='words.py'
python # words.py
python // words.py
python (words.py)
python, words.py
python [words.py]
python file=words.py
python name=words.py
python filename: words.py
python {path=words.py}
python path=words.py lines=1-3
python:words.py:1-3
python {1,2}
python linenums="1"
python - words.py"""
INFOS = _INFOS.split("\n")


def _thinking() -> Mapping[str, str]:
    draft, final = fenced(WORSE), fenced(WORDS)
    channels = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>"
    call = "<|channel|>commentary to=functions.write_file <|constrain|>json<|message|>{}<|call|>"
    return {
        "thinking with a draft": f"<think>\nfirst\n{draft}</think>\n{final}",
        "thinking under another name": f"<thinking>\n{draft}\n</thinking>\n\n{final}",
        "thinking without its first tag": f"Okay, a draft:\n{draft}no.\n</think>\n\n{final}",
        "thinking glued to fences": f"<think>try: {FENCE}python\nx = 1\n{FENCE}</think>{FENCE}python\n{WORDS}{FENCE}",
        "all of it in thinking": f"<think>\n{final}</think>",
        "thinking that does not end": f"<think>\n{final}",
        "channels": channels.format(f"Draft: {draft}", final),
        "channels without their marks": f"analysisWe need words.\n{draft}assistantfinalHere:\n{final}",
        "a call in a channel": call.format(json.dumps({"path": "words.py", "content": WORDS})),
        "code alone after thinking": f"<think>x</think>\n{WORDS}",
    }


def _signs() -> Mapping[str, str]:
    final = fenced(WORDS)
    return {
        "windows line ends": f"Here:\n\n{final}\nDone.\n".replace("\n", "\r\n"),
        "carriage returns alone": final.replace("\n", "\r"),
        "byte order mark": f"\ufeff{final}",
        "zero-width space before the fence": f"\u200b{final}",
        "zero-width space in the code": fenced(WORDS.replace("return", "\u200breturn")),
        "no-break spaces as indentation": fenced(WORDS.replace("    ", "\u00a0" * 4)),
        "curly quotes": fenced(WORDS.replace('"""C', "\u201c\u201c\u201cC").replace('"""', "\u201d\u201d\u201d")),
        "half of a character in the prose": f"Done \ud83d\n{final}",
        "NUL in the prose": f"Done \x00\n{final}",
        "a control token at the end": f"{final.rstrip()}<|im_end|>",
        "an end of text below": f"{final}</s>",
        "line ends as in a string": final.replace("\n", "\\n").replace('"', '\\"'),
    }


def _fences() -> Mapping[str, str]:
    final = fenced(WORDS)
    return {
        "plain": final,
        "tildes": fenced(WORDS, mark="~~~"),
        "five marks": fenced(WORDS, mark="`````"),
        "four opened and five closed": f"````python\n{WORDS}`````\n",
        "three opened and four closed": f"{FENCE}python\n{WORDS}````\n",
        "four opened and three closed": f"````python\n{WORDS}{FENCE}\nDone.\n",
        "not closed": f"{FENCE}python\n{WORDS}",
        "words behind the closing fence": f"{FENCE}python\n{WORDS}{FENCE} Done, enjoy!\n",
        "code glued to the closing fence": f"{FENCE}python\n{WORDS.rstrip()}{FENCE}\n",
        "code glued to it and words behind": f"{FENCE}python\n{WORDS.rstrip()}{FENCE} Done!\n",
        "fence behind words": f"Sure! {FENCE}python\n{WORDS}{FENCE}\n",
        "in a list": f"1. Make it:\n\n{indented(final, '   ')}",
        "in a list, by four": f"1.  Make it:\n\n{indented(final, '    ')}",
        "in a list, by a tab": f"-\tMake it:\n\n{indented(final, chr(9))}",
        "in a list, the code at the margin": f"1. Make it:\n   {FENCE}python\n{WORDS}   {FENCE}\n",
        "indented by six": indented(final, "      "),
        "in a quote": indented(final, "> "),
        "in a quote without spaces": indented(final, ">"),
        "in a fold": f"<details>\n<summary>words.py</summary>\n\n{final}\n</details>",
        "inside an answer's tag": f"<answer>\n{final}</answer>",
        "an inline block before": f"Use {FENCE}words{FENCE} like so:\n{final}",
    }


def _order() -> Mapping[str, str]:
    final, draft, usage = fenced(WORDS), fenced(WORSE), fenced("from words import words\nprint(words('a'))\n")
    tests = fenced("from words import words\n\n\ndef test_words():\n    assert words('a') == 1\n")
    return {
        "draft, then the corrected one": f"{draft}\nWait, that is wrong. Corrected:\n\n{final}",
        "draft and final under headings": f"## Draft\n{draft}\n## Final version\n{final}",
        "after, then before": f"## After\n{final}\n## Before\n{draft}",
        "skeleton, then the whole": f"{fenced('def words(text):' + chr(10) + '    pass' + chr(10))}\n{final}",
        "an alternative behind": f"{final}\nAlternatively:\n{draft}",
        "usage behind": f"{final}\nExample:\n\n{usage}",
        "usage first": f"Usage:\n\n{usage}\nThe module:\n{final}",
        "tests first": f"{tests}\n{final}",
        "tests with a name first": f"**test_words.py**\n{tests}\n**words.py**\n{final}",
        "a shell block first": f"{fenced('pip install x' + chr(10), 'bash')}\n{final}",
        "a plan first": f"{fenced('1. split' + chr(10), 'text')}\n{final}",
        "a plan without a language first": f"{fenced('1. split' + chr(10), '')}\n{final}",
        "output first": f"Output:\n{fenced('3' + chr(10), '')}\n{final}",
        "a session first": f"{fenced('>>> words(0)' + chr(10), 'pycon')}\n{final}",
        "an excerpt behind": f"{final}\nHow: the line\n{fenced('return len(text.split())' + chr(10))}",
        "code alone": WORDS,
        "code alone below a sentence": f"Here is the module:\n\n{WORDS}",
        "code alone between sentences": f"Here is the module:\n\n{WORDS}\nIt counts the words of a text.\n",
    }


def _forms() -> Mapping[str, str]:
    one, plus = {"path": "words.py", "content": WORDS}, indented(WORDS, "+")
    call = {"name": "write_file", "arguments": one}
    listed = {"type": "function", "function": {"name": "write_file", "arguments": json.dumps(one)}}
    function = "<tool_call>\n<function=write_file>\n{}</function>\n</tool_call>"
    parameters = f"<parameter=path>\nwords.py\n</parameter>\n<parameter=content>\n{WORDS}</parameter>\n"
    named = f'<parameter name="path">words.py</parameter>\n<parameter name="content">{WORDS}</parameter>\n'
    children = f"<path>words.py</path>\n<content>\n{WORDS}</content>\n"
    new = f"--- /dev/null\n+++ b/words.py\n@@ -0,0 +1,3 @@\n{plus}"
    git = "diff --git a/words.py b/words.py\nnew file mode 100644\n"
    search = f"<<<<<<< SEARCH\n=======\n{WORDS}{REPLACE}"
    raw = WORDS.replace('"', '\\"')
    return {
        "JSON of files": json.dumps({"files": {"words.py": WORDS}}),
        "JSON of files in a fence": fenced(json.dumps({"files": {"words.py": WORDS}}) + "\n", "json"),
        "JSON list": json.dumps([one]),
        "JSON by path": json.dumps({"words.py": WORDS}),
        "JSON with real line ends": f'{{"path": "words.py", "content": "{raw}"}}',
        "JSON with code alone": fenced(json.dumps({"code": WORDS}) + "\n", "json"),
        "JSON with an answer": json.dumps({"answer": f"Here:\n{fenced(WORDS)}"}),
        "a call as JSON": f"<tool_call>\n{json.dumps(call)}\n</tool_call>",
        "calls as JSON": json.dumps({"tool_calls": [listed]}),
        "calls behind a mark": f"[TOOL_CALLS]{json.dumps([call])}",
        "a call as function and parameters": function.format(parameters),
        "a call as invoke": f'<function_calls>\n<invoke name="write_file">\n{named}</invoke>\n</function_calls>',
        "tags with children": f"<write_file>\n{children}</write_file>",
        "tags in a fence": fenced(f"<write_file>\n{children}</write_file>\n", "xml"),
        "a tag with a path": f'<file path="words.py">\n{WORDS}</file>',
        "a tag with a name and a fence": f'<file name="words.py">\n{fenced(WORDS)}</file>',
        "a tag that is the name": f"<words.py>\n{WORDS}</words.py>",
        "an artifact": f'<boltArtifact id="x">\n<boltAction type="file" filePath="words.py">\n{WORDS}</boltAction>',
        "CDATA": f'<file path="words.py"><![CDATA[\n{WORDS}]]></file>',
        "a new file as a diff": fenced(new, "diff"),
        "a new file as a diff alone": f"Here:\n\n{git}{new}\nDone.\n",
        "a new file as a patch": f"*** Begin Patch\n*** Add File: words.py\n{plus}*** End Patch\n",
        "a search block of nothing": f"words.py\n{fenced(search)}",
        "a search block without a fence": f"words.py\n{search}",
        "heredoc in a fence": fenced(f"mkdir -p x\ncat <<EOF > words.py\n{WORDS}EOF\npython words.py\n", "sh"),
        "heredoc alone": f"cat > words.py <<'EOF'\n{WORDS}EOF\n",
        "heredoc by tee": fenced(f"tee words.py <<'PY'\n{WORDS}PY\n", "bash"),
    }


REPLACE = ">>>>>>> REPLACE\n"
