"""Accounts, what was done to them, and what would be."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException, status

from app.settings import processed_accounts

from .context import Context, Here
from .fields import AccountInPath, AccountInQuery, Limit, RunInPath
from .keys import READ
from .models import AccountAnswer, PreviewAnswer, RunDetails, RunSummary

router = APIRouter(tags=["accounts"], dependencies=[READ])


@router.get("/accounts")
def list_accounts(here: Here) -> Sequence[AccountAnswer]:
    """Every account of accounts.yaml."""
    return _accounts(here)


@router.get("/accounts/{account_id}")
def get_account(here: Here, account_id: AccountInPath) -> AccountAnswer:
    """One account."""
    for account in _accounts(here):
        if account.account_id == account_id:
            return account
    raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no account {account_id}")


@router.get("/accounts/{account_id}/preview")
def get_preview(here: Here, account_id: AccountInPath) -> PreviewAnswer:
    """The latest preview of the account."""
    found = here.store.previews.latest(account_id)
    if found is None:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"there is no preview of {account_id} yet; ask for one with print-rebalance",
        )
    return PreviewAnswer.model_validate(found)


@router.get("/previews")
def list_previews(here: Here) -> Sequence[PreviewAnswer]:
    """The latest preview of each account."""
    return [PreviewAnswer.model_validate(found) for found in here.store.previews.latest_of_each()]


@router.get("/runs")
def list_runs(
    here: Here, limit: Limit = 100, account_id: AccountInQuery = None
) -> Sequence[RunSummary]:
    """Runs, the newest first."""
    found = here.store.runs.summaries(limit, account_id=account_id)
    return [RunSummary.model_validate(run) for run in found]


@router.get("/runs/{run_id}")
def get_run(here: Here, run_id: RunInPath) -> RunDetails:
    """A run with its orders and their fills."""
    found = here.store.runs.get(run_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no run {run_id}")
    return RunDetails.model_validate(found)


def _accounts(here: Context) -> list[AccountAnswer]:
    processed = {account.account_id for account in processed_accounts(here.settings)}
    paused = {pause.account_id for pause in here.store.controls.paused()}
    return [
        AccountAnswer(
            account_id=account.account_id,
            type=account.type,
            broker=account.broker,
            enabled=account.enabled,
            processed=account.account_id in processed,
            strategy_name=account.strategy_name,
            cash_reserve_percent=account.cash_reserve_percent,
            replacement_set=account.replacement_set,
            pdt_protection_enabled=account.pdt_protection_enabled,
            paused=not paused.isdisjoint({account.account_id, None}),
        )
        for account in here.settings.accounts
    ]
