"""`python -m app COMMAND`: the command line of the rebalancer."""

import sys

from app import interruption, standard_streams

if __name__ == "__main__":
    # Before anything is loaded that takes time.
    interruption.hold_back()
    standard_streams.outlive_readers()
    from app.cli import main

    sys.exit(main())
