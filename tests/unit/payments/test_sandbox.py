"""The sandbox keeps its word: one effect per key, for ever."""

import pytest

from libs.events.memory import MemoryDocuments
from services.payments.adapters import COLLECTION, SandboxProvider
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.ports import KeyReused
from tests.unit.payments.examples import BRAND, CREATOR, eur


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments()


@pytest.fixture
def provider(documents: MemoryDocuments) -> SandboxProvider:
    return SandboxProvider(documents)


async def test_money_moves_once_per_key(provider: SandboxProvider, documents: MemoryDocuments):
    first = await provider.transfer("k", CREATOR, eur(1_000))
    assert isinstance(first, Succeeded)
    assert await provider.transfer("k", CREATOR, eur(1_000)) == first
    assert await documents.count(COLLECTION, {}) == 1


async def test_its_memory_outlives_it(provider: SandboxProvider, documents: MemoryDocuments):
    first = await provider.charge("k", BRAND, eur(1_000))
    assert await SandboxProvider(documents).lookup("k") == first


async def test_a_refusal_is_as_lasting_as_a_success(provider: SandboxProvider):
    assert isinstance(await provider.charge("k", BRAND, eur(513)), Refused)
    assert isinstance(await provider.lookup("k"), Refused)


async def test_an_answer_may_be_lost_though_the_money_moved(provider: SandboxProvider):
    assert await provider.transfer("k", CREATOR, eur(517)) == Unknown()
    assert await provider.transfer("k", CREATOR, eur(517)) == Unknown()
    assert isinstance(await provider.lookup("k"), Succeeded)


async def test_a_request_may_be_lost_and_is_done_when_it_is_sent_again(provider: SandboxProvider):
    assert await provider.transfer("k", CREATOR, eur(519)) == Unknown()
    assert await provider.lookup("k") is None
    assert isinstance(await provider.transfer("k", CREATOR, eur(519)), Succeeded)
    assert isinstance(await provider.lookup("k"), Succeeded)


async def test_what_it_never_heard_of_it_does_not_know(provider: SandboxProvider):
    assert await provider.lookup("k") is None


@pytest.mark.parametrize("other", [("charge", BRAND, 1_000), ("transfer", CREATOR, 999), ("transfer", BRAND, 1_000)])
async def test_a_key_is_for_one_request(provider: SandboxProvider, other):
    kind, party, amount = other
    await provider.transfer("k", CREATOR, eur(1_000))
    with pytest.raises(KeyReused):
        await getattr(provider, kind)("k", party, eur(amount))
