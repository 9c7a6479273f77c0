"""The table of client ids: each is given once, however many ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.client_ids import FIRST_ID, FIRST_SHARED_ID, Conflict, Key, Purpose
from app.store import Store, open_store

TRADE = [Key(f"DU{number}", Purpose.TRADE) for number in range(20)]
VIEW = [Key(key.holder, Purpose.VIEW) for key in TRADE]


def test_a_holder_keeps_its_id_and_looking_has_one_of_its_own(store: Store) -> None:
    ids = [store.client_ids.allocate(key) for key in (TRADE[1], TRADE[2], VIEW[1], TRADE[1])]
    assert ids == [FIRST_SHARED_ID, FIRST_SHARED_ID + 1, FIRST_SHARED_ID + 2, FIRST_SHARED_ID]
    assert store.client_ids.all() == dict(zip((TRADE[1], TRADE[2], VIEW[1]), ids, strict=False))


def test_ids_asked_for_at_the_same_time_are_distinct(store: Store, database_url: str) -> None:
    with open_store(database_url) as other, ThreadPoolExecutor(8) as pool:
        stores = [store, other] * 20
        keys = [key for key in TRADE for _ in range(2)]
        ids = list(pool.map(lambda s, key: s.client_ids.allocate(key), stores, keys))
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == len(TRADE)


def test_ids_of_another_place_are_taken_over_whole_and_again(store: Store) -> None:
    ids = {TRADE[1]: 1001, TRADE[2]: 7, VIEW[1]: 2000}
    for _ in range(2):
        assert store.client_ids.take_over(ids) == ()
    assert store.client_ids.all() == ids
    assert store.client_ids.allocate(TRADE[3]) == FIRST_SHARED_ID


def test_an_id_that_is_given_leaves_room_for_all_that_a_machine_has_given_out(
    store: Store,
) -> None:
    given = store.client_ids.allocate(VIEW[1])
    ids = {key: FIRST_ID + number for number, key in enumerate(TRADE)}
    assert store.client_ids.take_over(ids) == ()
    assert store.client_ids.all() == {VIEW[1]: given, **ids}


def test_a_contradiction_takes_nothing_over_and_names_all(store: Store) -> None:
    first, second = (store.client_ids.allocate(key) for key in (TRADE[1], TRADE[2]))
    before = store.client_ids.all()
    conflicts = store.client_ids.take_over({TRADE[1]: 500, TRADE[3]: second, TRADE[4]: 501})
    assert conflicts == (
        Conflict(TRADE[1], 500, first, None),
        Conflict(TRADE[3], second, None, TRADE[2]),
    )
    assert store.client_ids.all() == before


def test_two_with_one_id_are_a_contradiction(store: Store) -> None:
    (conflict,) = store.client_ids.take_over({TRADE[1]: 1001, TRADE[2]: 1001})
    assert conflict == Conflict(TRADE[2], 1001, None, TRADE[1])


def test_an_id_for_looking_that_is_not_free_is_left(store: Store) -> None:
    """Every machine had its own, and no order depends on them."""
    taken = store.client_ids.allocate(TRADE[1])
    mine = store.client_ids.allocate(VIEW[2])
    assert store.client_ids.take_over({VIEW[1]: taken, VIEW[2]: 900, VIEW[3]: 901}) == ()
    ids = store.client_ids.all()
    assert VIEW[1] not in ids
    assert (ids[VIEW[2]], ids[VIEW[3]]) == (mine, 901)


def test_an_id_for_looking_does_not_stand_against_one_for_trading(store: Store) -> None:
    assert store.client_ids.take_over({VIEW[1]: 1001, TRADE[1]: 1001}) == ()
    assert store.client_ids.all() == {TRADE[1]: 1001}
