"""Pauses, arming, the market-open list: what is switched is what the store says."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from .conftest import KEY, NOW, Service


async def test_an_account_is_paused_and_resumed(
    service: Service, operator: httpx.AsyncClient
) -> None:
    body = {"account_id": "DU100", "reason": "tax season"}
    assert (await operator.post("/pause", json=body)).json()["changed"] is True
    assert service.store.controls.is_paused("DU100")
    (pause,) = (await operator.get("/pauses")).json()
    assert (pause["account_id"], pause["paused_by"], pause["reason"]) == (
        "DU100",
        "api",
        "tax season",
    )
    await operator.post("/resume", json={"account_id": "DU100"})
    assert not service.store.controls.is_paused("DU100")


async def test_everything_is_paused(service: Service, operator: httpx.AsyncClient) -> None:
    await operator.post("/pause", json={})
    assert service.store.controls.is_paused("DU100")
    accounts = (await operator.get("/accounts")).json()
    assert all(account["paused"] for account in accounts)


async def test_an_account_that_is_not_processed_cannot_be_paused_by_mistake(
    service: Service, operator: httpx.AsyncClient
) -> None:
    answer = await operator.post("/pause", json={"account_id": "DU101"})
    assert answer.status_code == 409
    assert service.store.controls.paused() == ()


async def test_paper_money_needs_no_arming(service: Service, operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/arm", json={"minutes": 60})
    assert answer.status_code == 409
    assert service.store.controls.arming() is None


class TestLive:
    @pytest.fixture
    def variables(self) -> dict[str, str]:
        return {
            "MANAGEMENT_API_KEY": KEY,
            "TRADING_MODE": "live",
            "ALLOCATIONS_BASE_URL": "http://127.0.0.1:1",
        }

    async def test_arming_has_an_end(self, service: Service, operator: httpx.AsyncClient) -> None:
        assert (await operator.get("/arm")).json()["armed"] is False
        await operator.post("/arm", json={"minutes": 60})
        assert service.store.controls.armed_until() == NOW + timedelta(minutes=60)
        assert (await operator.get("/arm")).json()["armed"] is True
        await operator.post("/disarm")
        assert service.store.controls.armed_until() is None

    @pytest.mark.parametrize("minutes", [0, -1, 1e9, "soon", None])
    async def test_nobody_arms_without_an_end(
        self, service: Service, operator: httpx.AsyncClient, minutes: object
    ) -> None:
        assert (await operator.post("/arm", json={"minutes": minutes})).status_code == 422
        assert service.store.controls.arming() is None


async def test_the_market_open_list_is_kept(service: Service, operator: httpx.AsyncClient) -> None:
    added = [(await operator.post("/schedule", json={"account_id": "DU100"})).json() for _ in "12"]
    assert [answer["changed"] for answer in added] == [True, False]
    assert [e["account_id"] for e in (await operator.get("/schedule")).json()] == ["DU100"]
    assert (await operator.delete("/schedule/DU100")).json()["changed"] is True
    assert service.store.market_open.list() == ()


async def test_the_market_open_list_is_emptied(
    service: Service, operator: httpx.AsyncClient
) -> None:
    service.store.market_open.add("DU100", "test")
    await operator.delete("/schedule")
    assert service.store.market_open.list() == ()
