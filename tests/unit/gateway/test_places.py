"""As many requests at once as a service answers in time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest

from libs.events.decider import Refusal
from libs.events.memory import ManualClock
from services.gateway.places import FEWEST, FIRST, Places

DEADLINE = 10.0
IN_TIME, LATE = DEADLINE / 4, DEADLINE / 4 + 0.01


class Service:
    """Answers whoever it is asked by, a round at a time."""

    def __init__(self, most: int = 512) -> None:
        self.clock = ManualClock()
        self.places = Places(most, DEADLINE, self.clock.monotonic)

    def ask(self, count: int) -> list[float]:
        """When they were asked; of a crowd, those that found a place."""
        asked = []
        for _ in range(count):
            try:
                asked.append(self.places.take())
            except Refusal:
                break
        return asked

    def answer(self, asked: Sequence[float], after: float) -> None:
        self.clock.advance(after)
        for began in asked:
            self.places.leave(began)

    def serve_a_crowd(self, answers: int, each: float) -> list[float]:
        """Whoever leaves is followed by another; one is answered at a time. Seconds that each of them took."""
        waiting, took = deque[float](), []
        for _ in range(answers):
            waiting.extend(self.ask(1_000))
            began = waiting.popleft()
            self.answer([began], each)
            took.append(self.clock.monotonic() - began)
        return took


def test_at_first_there_are_as_many_places_as_a_service_can_be_thought_to_have() -> None:
    service = Service()
    assert len(service.ask(1_000)) == FIRST


def test_there_is_one_place_more_per_round_of_answers_in_time() -> None:
    service = Service()
    service.serve_a_crowd(answers=3 * (FIRST + 3), each=0.001)
    assert service.places.number == FIRST + 3


def test_there_are_never_more_than_were_allowed() -> None:
    service = Service(most=FIRST + 2)
    service.serve_a_crowd(answers=1_000, each=0.001)
    assert service.places.number == FIRST + 2


def test_places_that_nobody_needs_do_not_become_more() -> None:
    service = Service()
    for _ in range(100):
        service.answer(service.ask(FIRST // 4), IN_TIME)
    assert service.places.number == FIRST


def test_a_round_of_late_answers_halves_the_places_once() -> None:
    service = Service()
    service.answer(service.ask(1_000), LATE)
    assert service.places.number == FIRST // 2


def test_what_was_asked_before_the_places_were_halved_says_nothing_new() -> None:
    service = Service()
    asked = service.ask(20)
    service.answer(asked[:1], LATE)
    service.answer(asked[1:], LATE)
    assert service.places.number == FIRST // 2


def test_each_round_that_is_late_again_halves_them_again_down_to_a_few() -> None:
    service = Service()
    seen = []
    for _ in range(6):
        service.answer(service.ask(1_000), LATE)
        seen.append(service.places.number)
    assert seen == [32, 16, 8, FEWEST, FEWEST, FEWEST]


def test_one_place_stays_where_only_one_was_allowed() -> None:
    service = Service(most=1)
    for _ in range(3):
        service.answer(service.ask(5), LATE)
    assert len(service.ask(5)) == 1


def test_a_service_that_is_not_able_to_answer_is_not_asked_more_for_saying_so_fast() -> None:
    service = Service()
    for _ in range(10):
        for taken in service.ask(1_000):
            service.places.leave(taken, able=False)
    assert service.places.number == FIRST


def test_who_waits_for_a_position_is_not_late_however_short_the_deadline() -> None:
    clock = ManualClock()
    places = Places(512, 0.5, clock.monotonic)
    taken = places.take()
    clock.advance(1.0)
    places.leave(taken)
    assert places.number == FIRST


@pytest.mark.parametrize("capacity", [5, 50, 500])
def test_a_crowd_is_answered_at_the_pace_of_the_service_and_nobody_waits_for_the_deadline(capacity: int) -> None:
    service = Service()
    took = service.serve_a_crowd(answers=200 * capacity, each=1 / capacity)[-100 * capacity :]
    assert max(took) < DEADLINE / 2
    assert sorted(took)[len(took) // 2] <= IN_TIME
