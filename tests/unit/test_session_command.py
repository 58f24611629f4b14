"""The watch of a command's memory and files, and the result of a command."""

from verification.sandbox.base import LiveBox
from verification.sandbox.keeper_channel import Order, Report
from verification.sandbox.session_command import FILES_OVER_MAX, LimitWatch, result_of

ORDER = Order(argv=("true",), folder="/work", wall_s=5, head=100, tail=100)


class Numbers:
    """The counters of a box, as a test sets them."""

    def __init__(self, *, kills: int = 0, files: int = 0) -> None:
        self.kills, self.files = kills, files

    def watch(self, files_max: int) -> LimitWatch:
        live = LiveBox(work=-1, oom_kills=lambda: self.kills, file_count=lambda: self.files)
        return LimitWatch(live, files_max)


def test_only_what_the_command_itself_exceeds_counts() -> None:
    box = Numbers(kills=3, files=120)
    watch = box.watch(files_max=100)
    assert watch.exceeded() is None  # the memory and the files of an earlier command
    box.files = 90
    assert watch.exceeded() is None
    box.files = 121
    assert watch.exceeded() == "file_limit"
    box.kills = 4
    assert watch.exceeded() == "memory"


def test_far_more_files_than_the_limit_end_the_box() -> None:
    box = Numbers()
    watch = box.watch(files_max=100)
    box.files = 100 + FILES_OVER_MAX
    assert not watch.far_above()
    box.files += 1
    assert watch.far_above()


def test_a_limit_that_was_exceeded_just_before_the_end_is_the_reason() -> None:
    report = Report(number=1, reason="exit", code=0, seconds=0.5, left=2, head=3, tail=2, bytes=10)
    honest = result_of(ORDER, report, b"abcde", exceeded=None)
    assert (honest.reason, honest.exit_code, honest.left, honest.left_out) == ("exit", 0, 2, 5)
    assert (honest.head, honest.tail, honest.wall_s, honest.wall_limit_s) == (b"abc", b"de", 0.5, 5)
    above = result_of(ORDER, report, b"abcde", exceeded="memory")
    assert (above.reason, above.exit_code) == ("memory", 0)
