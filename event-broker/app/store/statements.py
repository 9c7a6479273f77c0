"""Statements that are made once and sent often: making one takes ten times as long as sending."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

from sqlalchemy import Executable

P = ParamSpec("P")
S = TypeVar("S", bound=Executable)

#: More than there are statements; a process has one database, but tests have many.
_KEPT = 64


def made_once(make: Callable[P, S]) -> Callable[P, S]:
    """Remember what `make` returns for its arguments, such as a dialect.

    What differs from one execution to the next is a parameter of the statement; the time is one
    already (`clock`).
    """
    return cast(Callable[P, S], lru_cache(_KEPT)(make))
