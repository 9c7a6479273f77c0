"""`python -m app COMMAND`: the command line of the rebalancer."""

import sys

from app.cli import main

if __name__ == "__main__":
    sys.exit(main())
