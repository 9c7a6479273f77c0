"""`python -m app COMMAND`: the command line of the rebalancer."""

import sys

from app import interruption

if __name__ == "__main__":
    # Before anything is loaded that takes time.
    interruption.hold_back()
    from app.cli import main

    sys.exit(main())
