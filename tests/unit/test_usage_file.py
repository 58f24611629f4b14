"""The usage files of providers: their columns, their days, and the line of a mistake."""

from decimal import Decimal

import pytest

from director.services.usage_file import Usage, read_usage
from domain.errors import Invalid

OPENAI = (
    b"start_time,start_time_iso,model,input_tokens,output_tokens,num_model_requests\n"
    b"1769817600,2026-01-31T00:00:00+00:00,gpt-5,100,10,1\n"
    b"1769817600,2026-01-31T00:00:00+00:00,gpt-5,50,5,1\n"
    b"1769904000,2026-02-01T00:00:00+00:00,gpt-5,1,2,1\n"
)
ANTHROPIC = (
    b"\xef\xbb\xbfusage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens\n"
    b"2026-01-31,claude,100,20,7\n"
)
COSTS = b"Date,Model,Cost_USD\n2026-01-31,gpt-5,$0.125\n2026-01-31,gpt-5,0.005\n"


def test_rows_of_one_day_and_model_are_added() -> None:
    usage = read_usage(OPENAI)
    assert usage["2026-01-31", "gpt-5"] == Usage(input_tokens=150, output_tokens=15)
    assert usage["2026-02-01", "gpt-5"] == Usage(input_tokens=1, output_tokens=2)


def test_cached_input_counts_and_a_mark_at_the_begin_of_the_file_does_not_matter() -> None:
    assert read_usage(ANTHROPIC) == {("2026-01-31", "claude"): Usage(input_tokens=120, output_tokens=7)}


def test_a_file_may_have_costs_only() -> None:
    assert read_usage(COSTS) == {("2026-01-31", "gpt-5"): Usage(usd=Decimal("0.130"))}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "UTF-8"),
        (b"", "no column with a day"),
        (b"day,input_tokens\n", "no column with a model"),
        (b"day,model\n", "neither a column of tokens nor of costs"),
        (b"day,model,cost\nyesterday,m,1\n", "Line 2 has no day"),
        (b"day,model,cost\n2026-01-31,m,1\n2026-01-31,m,much\n", "Line 3 has 'much'"),
        (b"day,model,cost\n2026-01-31,m,NaN\n", "Line 2 has 'NaN'"),
        (b"day,model,input_tokens\n2026-01-31,m,1.5\n", "Line 2 has '1.5'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_named_with_its_line(content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        read_usage(content)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("ours", "differs"),
    [
        (Usage(input_tokens=10, output_tokens=5, usd=Decimal("1.004")), False),
        (Usage(input_tokens=10, output_tokens=5, usd=Decimal("1.01")), True),
        (Usage(input_tokens=11, output_tokens=5, usd=Decimal(1)), True),
        (Usage(input_tokens=10, output_tokens=4, usd=Decimal(1)), True),
    ],
)
def test_usage_differs_by_tokens_or_by_a_cent(ours: Usage, differs: bool) -> None:
    assert Usage(input_tokens=10, output_tokens=5, usd=Decimal(1)).differs(ours) is differs
    assert not Usage().differs(ours), "values that the file does not have are not compared"
