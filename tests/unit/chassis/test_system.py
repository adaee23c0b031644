"""The clock of a process flows, also while somebody sets the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.system import BELIEVED_AFTER, SECOND, STEP, SystemClock

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
A_STEP, BELIEVED = timedelta(seconds=STEP / SECOND), timedelta(seconds=BELIEVED_AFTER / SECOND)


class Machine:
    """A machine's two clocks: one that can be set, and one that nobody sets."""

    def __init__(self) -> None:
        self.system, self.steady = round(NOON.timestamp()) * SECOND, 77 * SECOND
        self.clock = SystemClock(lambda: self.system, lambda: self.steady)

    def after(self, passed: timedelta, *, set_by: timedelta = timedelta()) -> datetime:
        """What a process takes the time to be."""
        elapsed, step = (round(span.total_seconds() * SECOND) for span in (passed, set_by))
        self.steady += elapsed
        self.system += elapsed + step
        return self.clock.now()


def test_time_passes() -> None:
    machine = Machine()
    assert machine.after(timedelta(seconds=0)) == NOON
    assert machine.after(timedelta(hours=3, milliseconds=7)) == NOON + timedelta(hours=3, milliseconds=7)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(seconds=-3)])
def test_a_clock_that_is_set_and_set_back_changes_nothing(step: timedelta) -> None:
    machine = Machine()
    assert machine.after(timedelta(seconds=1), set_by=step) == NOON + timedelta(seconds=1)
    assert machine.after(BELIEVED - timedelta(seconds=1)) == NOON + BELIEVED
    assert machine.after(timedelta(seconds=1), set_by=-step) == NOON + BELIEVED + timedelta(seconds=1)


def test_it_may_be_set_again_and_again_without_being_believed() -> None:
    machine = Machine()
    for number in range(1, 11):
        step = timedelta(hours=1 if number % 2 else -1)
        assert machine.after(BELIEVED / 2, set_by=step) == NOON + number * BELIEVED / 2


def test_a_correction_that_lasts_is_followed() -> None:
    machine = Machine()
    machine.after(timedelta(seconds=1), set_by=timedelta(hours=-1))
    assert machine.after(BELIEVED) == NOON + BELIEVED + timedelta(seconds=1) - timedelta(hours=1)


def test_small_corrections_are_followed_at_once_however_many_there_are() -> None:
    machine = Machine()
    little = A_STEP / 2
    for number in range(1, 20):
        assert machine.after(timedelta(seconds=16), set_by=little) == NOON + number * (timedelta(seconds=16) + little)


def test_what_passes_while_the_machine_sleeps_has_passed() -> None:
    """Both clocks count on: nothing was set."""
    machine = Machine()
    assert machine.after(timedelta(hours=8)) == NOON + timedelta(hours=8)
