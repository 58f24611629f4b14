"""Answers in the forms that models give are read as a user would read them."""

import pytest

from agents.employees.answer_reader.reader import read_answer
from tests.unit.answers import Sample
from tests.unit.answers_of_several import samples

SAMPLES = list(samples())


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.kind for sample in SAMPLES])
def test_an_answer_is_read_as_a_user_reads_it(sample: Sample) -> None:
    read = read_answer(sample.text, sample.brief)
    assert {path: content.decode() for path, content in read.files.items()} == sample.files
    assert (read.deleted, read.declined) == ((), "")
