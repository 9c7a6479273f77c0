"""What an account id may be, and what IBKR's tells by itself."""

#: It becomes part of a file's name and of an address: nothing that could be a path.
ACCOUNT_ID = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

#: Individual and advisor accounts of the paper system.
_PAPER_PREFIXES = ("DU", "DF")


def is_paper_account(account_id: str) -> bool:
    """Whether the id is one of IBKR's paper accounts."""
    return account_id.startswith(_PAPER_PREFIXES)
