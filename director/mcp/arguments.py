"""The arguments of the tools. Unknown fields are refused, and every text has a limit."""

from typing import Annotated

from msgspec import Meta, Struct

from director.services.submit import ATTEMPTS_MAX
from director.services.times import SEQ_MAX
from domain.run_acts import COMMENT_CHARACTERS_MAX

REASON_CHARACTERS_MAX = 4000
REQUIREMENT_CHARACTERS_MAX = 400_000
FILES_MAX = 200
WAIT_S_MAX = 600
PAGE_MAX = 200

RunName = Annotated[
    str, Meta(min_length=1, max_length=100, description="A run: its id, the beginning of its id, or `last`.")
]
Reason = Annotated[
    str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX, description="Why. It is recorded for ever.")
]
Key = Annotated[
    str,
    Meta(
        max_length=64,
        description="A UUID, the id of the command. The same key gives the same result and does nothing twice.",
    ),
]
RequirementText = Annotated[
    str,
    Meta(
        max_length=REQUIREMENT_CHARACTERS_MAX,
        description="The text of a requirement file. The resource aura://requirement/template has an example.",
    ),
]
SealedText = Annotated[
    str,
    Meta(
        max_length=REQUIREMENT_CHARACTERS_MAX,
        description="The text of the file of sealed cases, which no employee sees. Empty: there are none.",
    ),
]
FilePath = Annotated[
    str,
    Meta(
        max_length=4096,
        description="Instead of the text: a requirement file on this machine. Only where the server runs at stdio.",
    ),
]
After = Annotated[int, Meta(ge=0, le=SEQ_MAX, description="The value of `next` in the answer before. 0: begin.")]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX, description="At most this many lines.")]
Attempts = Annotated[int, Meta(ge=1, le=100, description="At most this many attempts for each task.")]


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of a tool that takes none."""


class OneRun(Arguments, frozen=True, kw_only=True):
    run: RunName


class Page(Arguments, frozen=True, kw_only=True):
    after: After = 0
    limit: Limit = 50


class RunPage(Page, frozen=True, kw_only=True):
    run: RunName


class Waiting(Arguments, frozen=True, kw_only=True):
    run: RunName
    seconds: Annotated[int, Meta(ge=1, le=WAIT_S_MAX, description="Answer after this time at the latest.")] = 60


class DiffPage(Arguments, frozen=True, kw_only=True):
    run: RunName
    path: Annotated[str, Meta(max_length=4096, description="Only this file. Empty: all files.")] = ""
    after: After = 0


class Costs(Arguments, frozen=True, kw_only=True):
    by: Annotated[
        str,
        Meta(
            max_length=200,
            description="Dimensions with commas: run, employee, model, provider, account, day, label.NAME.",
        ),
    ] = "run"


class Why(Arguments, frozen=True, kw_only=True):
    event: Annotated[
        str, Meta(min_length=1, max_length=100, description="An event (sequence or id), or a task's name or id.")
    ]
    run: Annotated[str, Meta(max_length=100, description="The run of a task that is given by its name.")] = "last"


class Events(Page, frozen=True, kw_only=True):
    run: Annotated[str, Meta(max_length=100, description="Only events of this run. Empty: all.")] = ""
    type: Annotated[str, Meta(max_length=100, description="The beginning of the type, such as task.")] = ""


class Requirement(Arguments, frozen=True, kw_only=True):
    requirement: RequirementText = ""
    sealed: SealedText = ""
    file: FilePath = ""
    attempts_max: Attempts = ATTEMPTS_MAX


class Submission(Requirement, frozen=True, kw_only=True):
    key: Key = ""


class Judging(Arguments, frozen=True, kw_only=True):
    requirement: RequirementText = ""
    sealed: SealedText = ""
    file: FilePath = ""
    files: Annotated[
        dict[str, str], Meta(max_length=FILES_MAX, description="The files to judge: path -> text. Or name a folder.")
    ] = {}
    folder: Annotated[
        str, Meta(max_length=4096, description="Instead of files: a folder on this machine. Only at stdio.")
    ] = ""


class Approval(OneRun, frozen=True, kw_only=True):
    commit: Annotated[
        str,
        Meta(
            min_length=7,
            max_length=64,
            description="The commit of the delivery that you have read. No other is approved.",
        ),
    ]
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX, description="Why. It may be empty.")] = ""
    key: Key = ""


class RemarkLine(Arguments, frozen=True, kw_only=True):
    """A comment on the task with this name; without a task, on all tasks."""

    text: Annotated[str, Meta(min_length=1, max_length=COMMENT_CHARACTERS_MAX)]
    task: Annotated[str, Meta(max_length=128)] = ""


class Comment(OneRun, frozen=True, kw_only=True):
    text: Annotated[
        str, Meta(min_length=1, max_length=COMMENT_CHARACTERS_MAX, description="The comment. Later attempts see it.")
    ]
    task: Annotated[str, Meta(max_length=128, description="The name of a task. Empty: all tasks.")] = ""
    key: Key = ""


class Return(OneRun, frozen=True, kw_only=True):
    commit: Annotated[
        str, Meta(min_length=7, max_length=64, description="The commit of the delivery that you have read.")
    ]
    comments: Annotated[
        tuple[RemarkLine, ...],
        Meta(min_length=1, max_length=20, description="What must change. Each comment may name a task."),
    ]
    key: Key = ""


class RunReason(OneRun, frozen=True, kw_only=True):
    reason: Reason
    key: Key = ""


class OrganisationReason(Arguments, frozen=True, kw_only=True):
    reason: Reason
    key: Key = ""
