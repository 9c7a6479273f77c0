"""Client ids are allocated once and never guessed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import client_ids, file_lock
from app.client_ids import ClientIdsError, Purpose


def client_id(
    path: Path, account_id: str, purpose: Purpose = Purpose.TRADE, lock_seconds: float = 30
) -> int:
    return client_ids.client_id(path, account_id, purpose, lock_seconds=lock_seconds)


def test_an_account_keeps_its_id(tmp_path: Path) -> None:
    path = tmp_path / "data" / "client-ids.json"
    first = client_id(path, "DU1")
    assert client_id(path, "DU2") != first
    assert client_id(path, "DU1") == first


def test_looking_has_an_id_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "client-ids.json"
    assert client_id(path, "DU1") != client_id(path, "DU1", Purpose.VIEW)


def test_ids_asked_for_at_the_same_time_are_distinct(tmp_path: Path) -> None:
    path = tmp_path / "client-ids.json"
    accounts = [f"DU{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda account: client_id(path, account), accounts))
    assert len(set(ids)) == 20
    assert len(json.loads(path.read_text())) == 20


@pytest.mark.parametrize("text", ["", "{", "[]", '{"DU1/trade": "7"}'])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "client-ids.json"
    path.write_text(text)
    with pytest.raises(ClientIdsError, match="damaged"):
        client_id(path, "DU1")
    assert path.read_text() == text


def test_a_known_id_is_read_while_a_stopped_process_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "client-ids.json"
    known = client_id(path, "DU1")
    with file_lock.held(path.with_suffix(".lock"), 0):
        assert client_id(path, "DU1") == known


def test_a_new_id_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "client-ids.json"
    with (
        file_lock.held(path.with_suffix(".lock"), 0),
        pytest.raises(ClientIdsError, match=r"held .*client-ids\.lock .*DU1/trade") as caught,
    ):
        client_id(path, "DU1", lock_seconds=0.01)
    assert caught.value.passing
    assert not path.exists()
    # Whoever waited in vain has left no lock behind.
    assert client_id(path, "DU1") == client_id(path, "DU1")
