"""A market and its accounts, described in a file.

Comes in: YAML. Goes out: a `Scenario`, from which any number of equal exchanges can be built.
Never: a decimal that passed through a float.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from .clock import Clock
from .errors import StateError
from .exchange import Exchange
from .hours import HalfDay, TradingHours
from .instruments import Instrument, PriceIncrement
from .policies import CommissionSchedule, LatencyModel
from .quotes import Quote, RandomWalk
from .slippage import Slippage, SlippageModel
from .tape import read_tape

_SHIPPED = Path(__file__).with_name("scenarios")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What an exchange starts with; `dataclasses.replace` makes variants."""

    name: str
    seed: int = 0
    instruments: tuple[Instrument, ...] = ()
    #: con_id -> first quote
    quotes: Mapping[int, Quote] = field(default_factory=dict)
    #: lets every quote walk; None leaves them where they are
    walk: RandomWalk | None = None
    #: currency -> value of one unit in US dollars
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    commissions: CommissionSchedule = field(default_factory=CommissionSchedule)
    latency: LatencyModel = field(default_factory=LatencyModel)
    partial_fills: bool = False
    slippage: Slippage = field(default_factory=Slippage)
    #: account id -> the other arguments of `Exchange.open_account`
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: quotes to play from the start on, see `tape.read_tape`
    tape: Path | None = None
    #: what is to go wrong between the exchange and its clients: whoever stands there reads it
    faults: tuple[Mapping[str, Any], ...] = ()

    def build(self, clock: Clock) -> Exchange:
        """A new exchange that starts as described.

        Raises `StateError` or `OSError` for a tape that cannot be read.
        """
        exchange = Exchange(
            clock=clock,
            instruments=self.instruments,
            rates=self.rates,
            seed=self.seed,
            commissions=self.commissions,
            latency=self.latency,
            partial_fills=self.partial_fills,
            slippage=self.slippage,
        )
        for con_id, quote in self.quotes.items():
            exchange.set_quote(con_id, quote)
            exchange.walk(con_id, self.walk)
        for account_id, arguments in self.accounts.items():
            exchange.open_account(account_id, **arguments)
        if self.tape is not None:
            exchange.replay(read_tape(self.tape, self.instruments, clock.now()))
        return exchange


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A scenario that ships with the package, by name, or any YAML file, by path.

    Raises `StateError` that names the file and the entry that does not fit.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = _SHIPPED / f"{name_or_path}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        shipped = ", ".join(sorted(found.stem for found in _SHIPPED.glob("*.yaml")))
        raise StateError(
            f"there is no scenario {str(name_or_path)!r} ({error.strerror}: {path}); give one that "
            f"ships with the package ({shipped}) or the path of a .yaml file"
        ) from None
    try:
        return _scenario(_parse(text), path)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise StateError(f"scenario {name_or_path}: {error}") from error


def _parse(text: str) -> Any:
    # Only a scenario needs YAML, and importing it takes longer than the rest of the package.
    import yaml

    def decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
        text = loader.construct_scalar(node)
        try:
            return Decimal(text)
        except ArithmeticError:
            raise ValueError(f"{text} is not a finite number") from None

    # A class of its own, so that 0.1 is the decimal 0.1 here only; in C, where PyYAML has that, it
    # takes a tenth of the time.
    loader: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    loader.add_constructor("tag:yaml.org,2002:float", decimal)
    try:
        return yaml.load(text, loader)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error


def _scenario(raw: Any, path: Path) -> Scenario:
    known = {"hours", "seed", "size", "instruments", "accounts", "rates", "walk"}
    known |= {"commissions", "latency", "partial_fills", "slippage", "tape", "faults"}
    document = _checked(raw, known, "the file")
    hours = _hours(document.get("hours", "always"))
    size = Decimal(document.get("size", 0))
    listed = [_listing(item, hours, size) for item in document.get("instruments", ())]
    con_ids = {instrument.symbol: instrument.con_id for instrument, _ in listed}
    walk, latency = document.get("walk"), document.get("latency", {})
    return Scenario(
        name=path.stem,
        seed=document.get("seed", 0),
        instruments=tuple(instrument for instrument, _ in listed),
        quotes={instrument.con_id: quote for instrument, quote in listed},
        walk=RandomWalk(**_floats(walk, "walk", "interval")) if walk else None,
        rates=_decimals(document.get("rates", {}), "rates"),
        commissions=CommissionSchedule(**_decimals(document.get("commissions", {}), "commissions")),
        latency=LatencyModel(**_floats(latency, "latency", "low", "high")),
        partial_fills=document.get("partial_fills", False),
        slippage=_slippage(document.get("slippage", {})),
        accounts={
            account_id: _account(item, con_ids, f"account {account_id}")
            for account_id, item in _mapping(document.get("accounts", {}), "accounts").items()
        },
        tape=path.parent / document["tape"] if "tape" in document else None,
        faults=tuple(_mapping(rule, "a fault") for rule in document.get("faults", ())),
    )


def _listing(raw: Any, hours: TradingHours, size: Decimal) -> tuple[Instrument, Quote]:
    quote_fields = {f.name for f in fields(Quote)} - {"at"}
    instrument_fields = {f.name for f in fields(Instrument)}
    where = f"instrument {raw.get('symbol') if isinstance(raw, dict) else raw!r}"
    terms = dict(_checked(raw, instrument_fields | {"quote"}, where))
    quoted = dict(_checked(terms.pop("quote", {}), quote_fields, f"quote of {where}"))
    halted = quoted.pop("halted", 0)
    sizes = {"bid_size": size, "ask_size": size}
    for name in ("trading_hours", "liquid_hours"):
        terms[name] = _hours(terms[name]) if name in terms else hours
    for name in ("min_tick", "lot_size", "multiplier", "strike"):
        if name in terms:
            terms[name] = Decimal(terms[name])
    for name in ("valid_exchanges", "order_types"):
        if name in terms:
            terms[name] = tuple(terms[name])
    terms["price_increments"] = tuple(
        PriceIncrement(**_decimals(step, f"price_increments of {where}"))
        for step in terms.get("price_increments", ())
    )
    prices: dict[str, Any] = {**sizes, **_decimals(quoted, f"quote of {where}")}
    return Instrument(**terms), Quote(**prices, halted=halted)


def _account(raw: Any, con_ids: Mapping[str, int], where: str) -> dict[str, Any]:
    known = {"cash", "positions", "base_currency", "account_type", "margin", "allow_short"}
    arguments = dict(_checked(raw, known | {"settlement_days"}, where))
    arguments["cash"] = _decimals(arguments.get("cash", {}), f"cash of {where}")
    positions = {}
    holdings = _mapping(arguments.pop("positions", {}), f"positions of {where}")
    for symbol, holding in holdings.items():
        if symbol not in con_ids:
            raise ValueError(f"{where} holds {symbol}, which is not among the instruments")
        place = f"{symbol} of {where}"
        held = _decimals(_checked(holding, {"quantity", "average_cost"}, place), place)
        positions[con_ids[symbol]] = (held["quantity"], held["average_cost"])
    return {**arguments, "positions": positions}


def _hours(raw: Any) -> TradingHours:
    if raw == "always":
        return TradingHours.always()
    if raw == "us_regular":
        return TradingHours.us_regular()
    terms = dict(_checked(raw, {f.name for f in fields(TradingHours)}, "hours"))
    for name in ("opens", "closes"):
        if name in terms:
            terms[name] = time.fromisoformat(terms[name])
    if "weekdays" in terms:
        terms["weekdays"] = tuple(terms["weekdays"])
    closed_on: list[date] = terms.pop("closed_on", [])
    half_days: Mapping[Any, Any] = _mapping(terms.pop("half_days", {}), "half_days")
    return TradingHours(
        **terms,
        closed_on=tuple(closed_on),
        half_days=tuple(
            HalfDay(day=day, closes=time.fromisoformat(closes)) for day, closes in half_days.items()
        ),
    )


def _slippage(raw: Any) -> Slippage:
    terms = dict(_checked(raw, {"model", "value"}, "slippage"))
    model = SlippageModel(terms.pop("model", SlippageModel.NONE))
    return Slippage(model=model, **_decimals(terms, "slippage"))


def _mapping(raw: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError(f"{where} should be a mapping, it is {raw!r}")
    return raw


def _checked(raw: Any, known: set[str], where: str) -> Mapping[str, Any]:
    if unknown := _mapping(raw, where).keys() - known:
        raise ValueError(f"{where} has unknown keys {sorted(unknown)}; known are {sorted(known)}")
    return _mapping(raw, where)


def _decimals(raw: Any, where: str) -> dict[str, Decimal]:
    """The numbers of a mapping, none of them NaN or infinite."""
    numbers = {}
    for name, value in _mapping(raw, where).items():
        try:
            numbers[name] = Decimal(value)
        except (ArithmeticError, TypeError, ValueError):
            raise ValueError(f"{name} in {where} is not a number: {value!r}") from None
        if not numbers[name].is_finite():
            raise ValueError(f"{name} in {where} is not a finite number: {value!r}")
    return numbers


def _floats(raw: Any, where: str, *names: str) -> dict[str, Any]:
    terms = _mapping(raw, where).items()
    return {name: float(value) if name in names else value for name, value in terms}
