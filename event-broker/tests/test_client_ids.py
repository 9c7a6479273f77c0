"""Client ids are allocated once and never guessed: in a file, or in a store that is shared."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import file_lock
from app.client_ids import ClientIdsError, ClientIdsFile, Purpose
from app.settings import load_settings
from app.shared_client_ids import SharedClientIds, client_ids_of
from app.store import Store, open_store
from app.store.testing import PostgresServer

TRADE, VIEW = Purpose.TRADE, Purpose.VIEW


def file_at(path: Path, lock_seconds: float = 30) -> ClientIdsFile:
    return ClientIdsFile(path, lock_seconds=lock_seconds)


class TestFile:
    def test_an_account_keeps_its_id(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "client-ids.json"
        first = file_at(path)("DU1", TRADE)
        assert file_at(path)("DU2", TRADE) != first
        assert file_at(path)("DU1", TRADE) == first

    def test_looking_has_an_id_of_its_own(self, tmp_path: Path) -> None:
        ids = file_at(tmp_path / "client-ids.json")
        assert ids("DU1", TRADE) != ids("DU1", VIEW)

    def test_ids_asked_for_at_the_same_time_are_distinct(self, tmp_path: Path) -> None:
        path = tmp_path / "client-ids.json"
        accounts = [f"DU{number}" for number in range(20)]
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda account: file_at(path)(account, TRADE), accounts))
        assert len(set(ids)) == 20
        assert len(json.loads(path.read_text())) == 20

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"DU1/trade": "7"}', '{"DU1/hold": 7}', '{"DU1": 7}']
    )
    def test_a_damaged_file_is_refused_and_kept(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "client-ids.json"
        path.write_text(text)
        ids = file_at(path)
        with pytest.raises(ClientIdsError, match="damaged"):
            ids("DU1", TRADE)
        with pytest.raises(ClientIdsError, match="damaged"):
            ids.prepare()
        assert path.read_text() == text

    def test_a_known_id_is_read_while_a_stopped_process_holds_the_lock(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "client-ids.json"
        known = file_at(path)("DU1", TRADE)
        with file_lock.held(path.with_suffix(".lock"), 0):
            assert file_at(path)("DU1", TRADE) == known

    def test_a_new_id_is_not_waited_for_for_ever(self, tmp_path: Path) -> None:
        path = tmp_path / "client-ids.json"
        with (
            file_lock.held(path.with_suffix(".lock"), 0),
            pytest.raises(ClientIdsError, match=r"held .*client-ids\.lock .*DU1/trade") as caught,
        ):
            file_at(path, lock_seconds=0.01)("DU1", TRADE)
        assert caught.value.passing
        assert not path.exists()
        # Whoever waited in vain has left no lock behind.
        assert file_at(path)("DU1", TRADE) == file_at(path)("DU1", TRADE)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with open_store(database_url) as store:
        yield store


class TestSharedStore:
    def test_machines_without_a_common_disk_have_the_same_ids(
        self, store: Store, database_url: str, tmp_path: Path
    ) -> None:
        here = SharedClientIds(store, tmp_path / "a.json")
        first, second = here("DU1", TRADE), here("DU1", VIEW)
        with open_store(database_url) as of_another:
            there = SharedClientIds(of_another, tmp_path / "b.json")
            assert there("DU2", TRADE) not in (first, second)
            assert (there("DU1", TRADE), there("DU1", VIEW)) == (first, second)
            # Allocated there after they were read here.
            assert here("DU2", TRADE) == there("DU2", TRADE)
        assert list(tmp_path.glob("*.json")) == []

    def test_the_ids_of_the_file_are_taken_over_before_any_is_allocated(
        self, store: Store, tmp_path: Path
    ) -> None:
        file = tmp_path / "client-ids.json"
        old = {
            ("DU1", TRADE): 0,
            ("DU1", VIEW): 0,
            ("strategy blend/2", VIEW): 0,
            ("DU2", TRADE): 0,
        }
        old = {key: file_at(file)(*key) for key in old}
        before = file.read_text()
        ids = SharedClientIds(store, file)
        assert ids("DU3", TRADE) not in old.values()
        assert {key: ids(*key) for key in old} == old
        assert file.read_text() == before

    def test_a_file_that_contradicts_the_store_is_an_error_that_says_what_to_do(
        self, store: Store, tmp_path: Path
    ) -> None:
        given = SharedClientIds(store, tmp_path / "a.json")("DU1", TRADE)
        file = tmp_path / "client-ids.json"
        file.write_text(f'{{"DU1/trade": 1044, "DU2/trade": {given}}}')
        ids = SharedClientIds(store, file)
        for refused in (ids.prepare, lambda: ids("DU1", TRADE), lambda: ids("DU3", TRADE)):
            with pytest.raises(ClientIdsError) as caught:
                refused()
            assert not caught.value.passing
        for words in (
            str(file),
            f"DU1/trade has 1044 in the file and {given} there",
            f"DU2/trade has {given} in the file, which is DU1/trade's there",
            "cancel what works by hand, then move the file away",
        ):
            assert words in str(caught.value)
        file.unlink()
        assert ids("DU1", TRADE) == given

    def test_a_damaged_file_is_refused(self, store: Store, tmp_path: Path) -> None:
        file = tmp_path / "client-ids.json"
        file.write_text("{")
        with pytest.raises(ClientIdsError, match="damaged"):
            SharedClientIds(store, file)("DU1", TRADE)

    def test_a_store_that_is_away_is_an_error_that_passes(self, tmp_path: Path) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="killed-postgres-") as directory,
            PostgresServer(Path(directory) / "data") as server,
            open_store(server.url) as store,
        ):
            ids = SharedClientIds(store, tmp_path / "client-ids.json")
            known = ids("DU1", TRADE)
            server.kill()
            with pytest.raises(ClientIdsError) as caught:
                ids("DU2", TRADE)
            assert caught.value.passing
            # What is known need not be asked for.
            assert ids("DU1", TRADE) == known

    def test_only_a_store_of_several_machines_has_the_ids(
        self, store: Store, home: Path, database_url: str
    ) -> None:
        settings = load_settings(home, {"DATABASE_URL": database_url})
        is_shared = database_url.startswith("postgresql")
        assert settings.store_is_shared == store.is_shared == is_shared
        client_ids_of(store, settings, lock_seconds=30)("DU100", TRADE)
        assert settings.client_ids_file.exists() != is_shared
        assert bool(store.client_ids.all()) == is_shared
