"""Interactive Brokers behind the BrokerClient interface, through ib_async."""

from .client import IBKRClient, is_paper_account
from .contract_cache import ContractCache
from .errors import ERROR_CODES, ErrorCode, Kind
from .models import CachedPrice
from .rebalancer import AllocationService, IBKRRebalancer, ReplacementService

__version__ = "1.0.0"

__all__ = [
    "ERROR_CODES",
    "AllocationService",
    "CachedPrice",
    "ContractCache",
    "ErrorCode",
    "IBKRClient",
    "IBKRRebalancer",
    "Kind",
    "ReplacementService",
    "__version__",
    "is_paper_account",
]
