"""What an IBKR account id tells by itself."""

#: Individual and advisor accounts of the paper system.
_PAPER_PREFIXES = ("DU", "DF")


def is_paper_account(account_id: str) -> bool:
    """Whether the id is one of IBKR's paper accounts."""
    return account_id.startswith(_PAPER_PREFIXES)
