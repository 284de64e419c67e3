"""What is read ahead comes in order, is bounded, and stops where it must."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from totes.lake.ahead import Readers


@pytest.mark.parametrize("at_once", [1, 4])
def test_answers_come_in_order(at_once: int) -> None:
    """Answers come in the order of the questions, also where later ones are known earlier."""

    def slow_if_even(number: int) -> int:
        time.sleep(0.002 * (number % 2 == 0))
        return number

    with Readers(at_once) as readers:
        assert list(readers.ahead(slow_if_even, range(50))) == list(range(50))


def test_several_are_asked_at_once() -> None:
    """As many questions as there are readers wait for their answers together."""
    together = threading.Barrier(4, timeout=60)
    with Readers(4) as readers:
        assert len(set(readers.ahead(lambda _: together.wait(), range(8)))) == 4


@pytest.mark.parametrize("at_once", [1, 4])
def test_no_more_is_begun_than_is_bounded(at_once: int) -> None:
    """However many questions there are, few are taken before the first answers are."""
    taken: list[int] = []

    def questions() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with Readers(at_once) as readers:
        answers = readers.ahead(lambda number: number, questions())
        assert next(answers) == 0
        assert len(taken) <= 4 * at_once


@pytest.mark.parametrize("at_once", [1, 4])
def test_an_error_is_raised_in_its_turn(at_once: int) -> None:
    """What comes before an error is answered, and what has not begun by then never does."""
    asked: list[int] = []

    def fails_at_five(number: int) -> int:
        asked.append(number)
        if number == 5:
            raise ValueError(number)
        return number

    with Readers(at_once) as readers:
        answers = readers.ahead(fails_at_five, range(1000))
        assert [next(answers) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="5"):
            next(answers)
    assert len(asked) < 100


def test_reading_ahead_may_be_of_what_is_read_ahead() -> None:
    """The same readers answer questions that are made of answers, in order."""
    with Readers(3) as readers:
        halves = readers.ahead(lambda number: number * 2, range(100))
        assert list(readers.ahead(lambda number: number + 1, halves)) == list(range(1, 200, 2))
