"""Client ids are allocated once and never guessed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.client_ids import ClientIdsError, Purpose, client_id


def test_an_account_keeps_its_id(tmp_path: Path) -> None:
    path = tmp_path / "data" / "client-ids.json"
    first = client_id(path, "DU1", Purpose.TRADE)
    assert client_id(path, "DU2", Purpose.TRADE) != first
    assert client_id(path, "DU1", Purpose.TRADE) == first


def test_looking_has_an_id_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "client-ids.json"
    assert client_id(path, "DU1", Purpose.TRADE) != client_id(path, "DU1", Purpose.VIEW)


def test_ids_asked_for_at_the_same_time_are_distinct(tmp_path: Path) -> None:
    path = tmp_path / "client-ids.json"
    accounts = [f"DU{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda account: client_id(path, account, Purpose.TRADE), accounts))
    assert len(set(ids)) == 20
    assert len(json.loads(path.read_text())) == 20


@pytest.mark.parametrize("text", ["", "{", "[]", '{"DU1/trade": "7"}'])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "client-ids.json"
    path.write_text(text)
    with pytest.raises(ClientIdsError, match="damaged"):
        client_id(path, "DU1", Purpose.TRADE)
    assert path.read_text() == text
