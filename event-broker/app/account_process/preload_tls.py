"""What the fork server loads, after `preload`, when allocations come over TLS: the authorities.

Reading them takes 30 ms, in every account process if it is not done here; it does nothing else.
"""

import gc

from rebalance_workflow import trusted_authorities

trusted_authorities()
gc.freeze()
