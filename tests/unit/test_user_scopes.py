"""The scopes of tokens: a return without comments is a part of an approval."""

from domain.run_act_messages import ReturnWithComments, TaskComment
from domain.run_messages import Return
from governance.user_rights import scopes_permit
from tests.unit.samples import AT, RUN, uuid

RETURN = Return(
    id=uuid(1), at=AT, run=RUN, commit="c" * 40, base_commit="b" * 40, base_tree="d" * 64, files=(),
    conflicts={}, reason="the base has moved",
)  # fmt: skip
COMMENTED = ReturnWithComments(
    id=uuid(1), at=AT, run=RUN, commit="c" * 40, comments=(TaskComment(task=None, text="shorter"),)
)


def test_a_token_for_submissions_sends_no_delivery_back_without_comments() -> None:
    assert not scopes_permit({"submit"}, RETURN)
    assert scopes_permit({"approve"}, RETURN), "control"
    assert scopes_permit({"submit"}, COMMENTED), "control"
