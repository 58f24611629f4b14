"""The settings of an employee that stay when a whole posting is written for it, as `aura up` and employees.toml do."""

from msgspec.structs import replace

from agents.employees.posting import PROMPT_TOKENS_MAX, Posting
from agents.employees.providers.table import profile_of
from domain.employee import version_of


def with_digest(posting: Posting, present: Posting) -> Posting:
    """Return the posting with what no option states: what its server said about the same model."""
    same = (posting.kind, posting.base_url, posting.model) == (present.kind, present.base_url, present.model)
    if same and posting.model_digest is None:
        posting = replace(posting, model_digest=present.model_digest, tools=present.tools, small=present.small)
        if present.model_digest and posting.prompt_tokens_max == PROMPT_TOKENS_MAX:  # the server's context limits it
            posting = replace(posting, prompt_tokens_max=min(PROMPT_TOKENS_MAX, present.prompt_tokens_max))
    return replace(posting, delay_s=present.delay_s)


def with_present_limits(posting: Posting, present: Posting) -> Posting:
    """Return the posting with the present limits, if it describes the present version."""
    if version_of(profile_of(present)) != version_of(profile_of(posting)):
        return posting
    return replace(posting, slots=present.slots, wall_s=present.wall_s, delay_s=present.delay_s)
