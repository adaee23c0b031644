"""Shares add up to the whole, to the minor unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.catalog.values import SAFE_INTEGER
from services.payments.domain.allotment import WHOLE, allot, split_fee
from tests.unit.payments.examples import eur

amounts = st.integers(0, SAFE_INTEGER)
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=8).filter(any)


@given(amounts, weights)
def test_shares_add_up_and_each_is_off_by_less_than_one_unit(amount: int, of: list[int]):
    shares = allot(amount, of)
    assert sum(shares) == amount
    assert all(abs(share * sum(of) - amount * weight) < sum(of) for share, weight in zip(shares, of, strict=True))


@given(amounts, st.integers(0, WHOLE))
def test_fee_and_rest_are_the_payment(amount: int, fee_bps: int):
    split = split_fee(eur(amount), fee_bps)
    assert split.creator_amount + split.platform_fee == eur(amount)
    assert min(split.creator_amount.amount, split.platform_fee.amount) >= 0


def test_the_unit_left_over_goes_to_the_largest_remainder_and_the_earlier_of_equals():
    assert allot(100, (1, 1, 1)) == [34, 33, 33]
    assert allot(5, (50, 50)) == [3, 2]
    assert allot(10, (1, 2)) == [3, 7]


def test_a_tenth_of_a_round_sum_is_exact():
    assert split_fee(eur(120_000), 1000) == (eur(108_000), eur(12_000))


@pytest.mark.parametrize(("amount", "of"), [(-1, (1,)), (1, (0,)), (1, ()), (1, (2, -1))])
def test_what_cannot_be_shared_is_refused(amount: int, of: tuple[int, ...]):
    with pytest.raises(ValueError):
        allot(amount, of)
