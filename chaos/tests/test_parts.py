"""The parts of the campaign that need no process: cases, time, bounds, shrinking."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from decimal import Decimal

from chaos.bounds import Bounds
from chaos.case import AccountWorld, Anchor, Case, Fault, Moment, Stock, World
from chaos.draw import draw_case
from chaos.faults import KINDS
from chaos.frames import Frames
from chaos.pace import FastLoop
from chaos.shrink import shrink

from ibkr_simulator.faults import Direction

WORLD = World(
    stocks=(
        Stock(symbol="AAA", bid="99", ask="101"),
        Stock(symbol="BBB", bid="9", ask="11"),
        Stock(symbol="CCC", bid="4", ask="6"),
    ),
    accounts=(
        AccountWorld(
            account_id="DU000001",
            cash=5_000,
            reserve_percent=2,
            held={"AAA": 50},
            weights={"AAA": "0.25", "BBB": "0.75"},
        ),
        AccountWorld(
            account_id="DU000002",
            cash=5_000,
            reserve_percent=0,
            held={},
            weights={"BBB": "0.5", "AAA": "0.5"},
        ),
    ),
    latency=0.4,
    slices=3,
    gap=2.0,
)
HALT = Fault(kind="halt between plan and order", account=1, terms={"symbol": "BBB"})
KILL = Fault(kind="killed", at=Moment(run=1, anchor=Anchor.ORDER, step=3), account=1)


def test_a_seed_is_always_the_same_case_and_survives_json() -> None:
    case = draw_case(7, speed=20)
    assert draw_case(7, speed=20) == case
    assert Case.model_validate_json(case.model_dump_json()) == case


def test_every_kind_is_drawn_within_as_many_seeds_as_there_are_kinds() -> None:
    drawn = {f.kind for seed in range(len(KINDS)) for f in draw_case(seed, speed=20).faults}
    assert drawn == set(KINDS)


def test_the_weights_of_every_world_add_up() -> None:
    for seed in range(50):
        for account in draw_case(seed, speed=20).world.accounts:
            assert sum(account.weights.values()) == 1


def test_a_fast_loop_keeps_the_order_of_deadlines_and_takes_less_time() -> None:
    async def wait() -> list[str]:
        ended: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            ended.append(name)

        await asyncio.gather(after(20, "late"), after(10, "early"))
        return ended

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: FastLoop(200)) as runner:
        assert runner.run(wait()) == ["early", "late"]
    assert 0.1 <= time.monotonic() - began < 10


def test_bounds_come_from_the_true_state_before_any_run() -> None:
    # 5,000 in cash and 50 AAA at 100 are 10,000, of which 9,800 are invested: 24.5 AAA at 100 and
    # 735 BBB at 10. A plan may miss them by a share and 0.6 % of 10,000, and sell for one AAA more.
    bounds = Bounds(WORLD, WORLD.accounts[0])
    assert (bounds.value, bounds.reserve) == (Decimal(10_000), Decimal(200))
    assert bounds.targets["AAA"] == Decimal("24.5")
    assert bounds.most("BBB") == Decimal(742)
    assert bounds.least("AAA") == Decimal("21.9")
    assert bounds.most("AAA") == 50


def test_faults_strike_when_their_frame_comes_by() -> None:
    struck: list[Fault] = []
    frames = Frames(struck.append)
    frames.expect([KILL])
    at = datetime(2026, 11, 20, tzinfo=UTC)
    for number, name in enumerate((b"3", b"8", b"3", b"3", b"3")):
        frames.note(at, 1, Direction.REQUEST, name + b"\x00", hello=False)
        assert bool(struck) == (number >= 3)


def test_a_fault_that_sends_frames_itself_strikes_once() -> None:
    struck: list[Fault] = []
    at = datetime(2026, 11, 20, tzinfo=UTC)

    def strike(fault: Fault) -> None:
        struck.append(fault)
        frames.note(at, 1, Direction.REQUEST, b"3\x00", hello=False)

    frames = Frames(strike)
    faults = [Fault(kind="killed", at=Moment(anchor=Anchor.ORDER, step=n)) for n in range(2)]
    frames.expect(faults)
    frames.note(at, 1, Direction.REQUEST, b"3\x00", hello=False)
    assert struck == faults


def test_a_case_is_cut_down_to_what_it_takes_to_break() -> None:
    case = Case(seed=1, world=WORLD, faults=(HALT, KILL), runs=2)
    small = shrink(case, lambda c: any(fault.kind == "killed" for fault in c.faults))
    assert [fault.kind for fault in small.faults] == ["killed"]
    assert small.runs == 1
    assert [account.account_id for account in small.world.accounts] == ["DU000002"]
    assert [stock.symbol for stock in small.world.stocks] == ["AAA", "BBB"]
    assert (small.world.slices, small.world.latency) == (1, 0.0)
    assert small.faults[0].account == 0
