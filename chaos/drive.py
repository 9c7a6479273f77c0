"""Runs one case: the struck runs, the faults taken back, one more run, and one to see it is idle.

Comes in: a case. Goes out: a `Verdict`. Account processes are started exactly as the product starts
them; only their loop is faster and what the case's faults do to them is added.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.account_process.messages import AccountJob, Operation
from app.account_process.process import AccountProcessError, run_account_process
from app.settings import Settings
from app.settings.config import Config, IbkrConfig, TradingConfig
from app.settings.environment import Environment
from broker_connector_base import AccountConfig, Attention, Claim

from . import child
from .case import FIRST_CLIENT_ID, AccountWorld, Case, Fault
from .child import Mischief
from .judge import judge_outcomes
from .pace import Pace
from .reasons import contradictions, read_books, uncaused
from .site import CaseSite
from .trace import trace
from .verdict import Outcome, Verdict
from .witness import Witness

#: Seconds of the case's own time; a run that needs longer is ended.
_DEADLINE = 600.0
_PARKED = "needs attention"
#: After so long the product believes that the broker never received what it does not tell of.
_DOUBT_SECONDS = 31 * 60.0


def job_of(case: Case, account: AccountWorld, home: Path, port: int, number: int) -> AccountJob:
    """One rebalance of one account."""
    config = AccountConfig(
        account_id=account.account_id,
        type="paper",
        strategy_name=account.account_id,
        cash_reserve_percent=account.reserve_percent,
    )
    settings = Settings(
        home=home,
        environment=Environment.model_validate({"LOG_LEVEL": "ERROR"}),
        config=Config(
            ibkr=IbkrConfig(request_timeout_seconds=10, connection_timeout_seconds=20),
            trading=TradingConfig(order_timeout_seconds=60),
        ),
        accounts=(config,),
        replacement_sets={},
    )
    return AccountJob(
        operation=Operation.REBALANCE,
        account=config,
        settings=settings,
        host="127.0.0.1",
        port=port,
        client_id=FIRST_CLIENT_ID + number,
        lock_timeout_seconds=60,
    )


class CaseRun:
    """One case, once."""

    def __init__(self, case: Case, home: Path, sabotage: str | None) -> None:
        self._case = case
        self._home = home
        self._sabotage = sabotage
        self._pace = Pace(speed=case.speed, began=time.monotonic())
        self._site = CaseSite(case, self._pace)
        self._journals = home / "data" / "simulation" / "journal"
        self._witness = Witness(self._site.exchange, case.world, self._site.symbols, self._journals)
        self._witness.deceived = self._site.deceived
        self.verdict = Verdict(case=case)
        self._marked: list[Fault] = []
        self._later = False

    async def run(self) -> Verdict:
        """Everything, in order."""
        self._write_allocations()
        began = time.monotonic()
        watch = asyncio.create_task(self._watch_the_clock())
        async with self._site.gateway:
            for number in range(self._case.runs):
                self._site.begin_run(number)
                await self._run_accounts(f"run {number + 1}")
            await self._site.take_back()
            self._site.mischief.clear()
            recovered = await self._run_accounts("recovery")
            if any(map(_keeps_away, recovered)):
                self._later = True
                recovered = await self._run_accounts("half an hour later")
            orders = len(self._witness.orders)
            idle = await self._run_accounts("idle")
            self._judge(recovered, idle, len(self._witness.orders) - orders)
        watch.cancel()
        self.verdict.seconds = time.monotonic() - began
        self.verdict.fired = [fault.kind for fault in self._fired()]
        if self.verdict.violations or self.verdict.doubtful:
            self.verdict.trace = trace(self.verdict, self._site, self._journals)
        return self.verdict

    async def _watch_the_clock(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 1.0
            await asyncio.sleep(1.0)
            self.verdict.lag = max(self.verdict.lag, loop.time() - due)

    def _write_allocations(self) -> None:
        folder = self._home / "demo" / "allocations"
        folder.mkdir(parents=True)
        for account in self._case.world.accounts:
            lines = [{"symbol": s, "allocation": float(w)} for s, w in account.weights.items()]
            data = {"allocations": lines, "name": account.account_id, "as_of": "2026-11-20"}
            text = json.dumps({"status": "success", "data": data})
            (folder / f"{account.account_id}.json").write_text(text)

    # --- account processes --------------------------------------------------------------------

    async def _run_accounts(self, phase: str) -> list[Outcome]:
        self._witness.begin_run()
        runs = (
            self._run_account(phase, account, number)
            for number, account in enumerate(self._case.world.accounts)
        )
        outcomes = await asyncio.gather(*runs)
        self.verdict.outcomes += outcomes
        return list(outcomes)

    async def _run_account(self, phase: str, account: AccountWorld, number: int) -> Outcome:
        job = job_of(self._case, account, self._home, self._site.gateway.port, number)
        mischief = self._mischief(phase, account.account_id)
        try:
            result = await run_account_process(
                job,
                lambda _: None,
                deadline_seconds=_DEADLINE,
                grace_seconds=40,
                target=partial(child.main, mischief),
            )
        except AccountProcessError as error:
            outcome = Outcome(
                phase=phase,
                account_id=account.account_id,
                status=error.kind,
                needs_attention=error.needs_attention,
                attention=error.attention,
                message=str(error),
            )
        else:
            document: dict[str, Any] = json.loads(result)
            told = document["attention"]
            outcome = Outcome(
                phase=phase,
                account_id=account.account_id,
                status=document["status"],
                needs_attention=document["status"] == _PARKED,
                attention=told and Attention.model_validate(told),
                message=document["error"] or "",
            )
        self._mark(outcome, mischief)
        if outcome.needs_attention:
            self._judge_reason(outcome, number)
        else:
            self.verdict.violations += [
                f"{phase} of {outcome.account_id} says that nothing is in doubt "
                f"({outcome.status}), and {order} works"
                for order in self._witness.left_working(outcome.account_id)
            ]
        return outcome

    def _mischief(self, phase: str, account_id: str) -> Mischief:
        plain = Mischief(
            speed=self._pace.speed,
            began=self._pace.began,
            marker=self._home / f"{phase} {account_id}",
            sabotage=self._sabotage,
            # Nothing happens meanwhile: only the time of day is another.
            jump_at=0 if self._later else None,
            jump_seconds=_DOUBT_SECONDS,
        )
        wanted: dict[str, Any] = {}
        for fault in self._site.mischief[account_id]:
            wanted |= fault.terms
        if "room" in wanted:
            journal = self._journals / f"{account_id}.jsonl"
            size = journal.stat().st_size if journal.exists() else 0
            wanted["file_limit"] = size + wanted.pop("room")
        return plain.model_copy(update=wanted)

    def _mark(self, outcome: Outcome, mischief: Mischief) -> None:
        """Note which of the mischief was done."""
        done = {path.suffix for path in self._home.glob(f"{mischief.marker.name}.*")}
        if _no_room(outcome):
            done.add(".room")
        for fault in self._site.mischief[outcome.account_id]:
            if any(suffix.removeprefix(".") in fault.terms for suffix in done):
                self._marked.append(fault)

    # --- the verdict ------------------------------------------------------------------------

    def _judge_reason(self, outcome: Outcome, number: int) -> None:
        books = read_books(
            self._site.exchange, self._witness, self._site.symbols, outcome.account_id
        )
        false = contradictions(outcome.attention, outcome.message, books)
        unfounded = uncaused(outcome.attention, books, self._fired(), number)
        self.verdict.violations += [f"{text}, unlike {outcome}" for text in false]
        self.verdict.doubtful += [f"{text}: {outcome}" for text in unfounded]

    def _fired(self) -> list[Fault]:
        return [*self._site.fired_faults(), *self._marked]

    def _judge(self, recovered: Sequence[Outcome], idle: Sequence[Outcome], new: int) -> None:
        verdict, fired = self.verdict, {fault.kind for fault in self._fired()}
        verdict.violations += self._witness.violations
        verdict.violations += [f"audit: {text}" for text in self._site.exchange.audit()]
        judge_outcomes(verdict, fired, recovered, idle, new, self._witness)


def _keeps_away(outcome: Outcome) -> bool:
    """For a while, from an order that the broker must have had and does not tell of."""
    told = outcome.attention
    return told is not None and told.claim is Claim.ORDERS_IN_DOUBT


def _no_room(outcome: Outcome) -> bool:
    # For the count of faults that had an effect only.
    return outcome.status == "JournalError" or "cannot be written" in outcome.message


async def run_case(case: Case, *, sabotage: str | None = None) -> Verdict:
    """Run a case in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return await CaseRun(case, Path(folder), sabotage).run()
