"""The two-phase rebalance that all brokers share, its allocation sources and its run journal."""

from .account_lock import AccountBusy, AccountLock, LockHolder
from .allocation_service import AllocationService
from .allocation_sources import (
    AllocationSource,
    AllocationSourceError,
    SourceFault,
    TargetAllocation,
)
from .clock import Clock, SystemClock
from .early_source import asked_early
from .errors import Permit, PermitWithdrawn, RebalanceStopped, always_permitted
from .file_journal import FileJournal
from .file_source import FileAllocationSource
from .http_source import HttpAllocationSource, trusted_authorities
from .journal import JournalError, MemoryJournal, RunJournal
from .policy import RebalancePolicy
from .progress import OrderProgress, ProgressEvent, Stage
from .rebalancer import Rebalancer
from .replacement_service import ReplacementService
from .results import PreviewResult, RunResult

__version__ = "1.0.0"

__all__ = [
    "AccountBusy",
    "AccountLock",
    "AllocationService",
    "AllocationSource",
    "AllocationSourceError",
    "Clock",
    "FileAllocationSource",
    "FileJournal",
    "HttpAllocationSource",
    "JournalError",
    "LockHolder",
    "MemoryJournal",
    "OrderProgress",
    "Permit",
    "PermitWithdrawn",
    "PreviewResult",
    "ProgressEvent",
    "RebalancePolicy",
    "RebalanceStopped",
    "Rebalancer",
    "ReplacementService",
    "RunJournal",
    "RunResult",
    "SourceFault",
    "Stage",
    "SystemClock",
    "TargetAllocation",
    "__version__",
    "always_permitted",
    "asked_early",
    "trusted_authorities",
]
