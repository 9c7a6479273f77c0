"""The configuration files and the environment, read strictly into one frozen value."""

from .account_ids import ACCOUNT_ID
from .agreement import disagreement
from .brokers import is_on_paper
from .config import Config
from .environment import Environment, TradingMode
from .errors import SettingsError
from .replacement_sets import ReplacementRule
from .settings import (
    Settings,
    load_settings,
    processed_accounts,
    require_allocations,
    select_account,
    select_followers,
)

__all__ = [
    "ACCOUNT_ID",
    "Config",
    "Environment",
    "ReplacementRule",
    "Settings",
    "SettingsError",
    "TradingMode",
    "disagreement",
    "is_on_paper",
    "load_settings",
    "processed_accounts",
    "require_allocations",
    "select_account",
    "select_followers",
]
