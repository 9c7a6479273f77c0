"""What commands that switch something share: a checked request, the store, and who asks.

The rules are those of the management API; they are in `app.switches`. No gateway is touched, and a
running service acts on what is in the store.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.events import UnknownEvent, WrongState
from app.report.layout import console
from app.report.switches import ArmingReport, PausesReport, show_pauses
from app.settings.complaints import validate
from app.store import Store, StoreError, open_store
from app.switches import ArmedState, Asker, Change, Refused, Switches

from .outcome import CommandFailed, ExitCode, Report
from .session import Session
from .state import prepare_store

R = TypeVar("R", bound=BaseModel)


def asked(kind: type[R], **values: object) -> R:
    """The request, by the rules that the API checks it with; raises `CommandFailed`."""
    try:
        return validate(kind, values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise CommandFailed(
            f"{problems}. Nothing was changed.", kind="ArgumentError", exit_code=ExitCode.BAD_INPUT
        ) from error


@contextmanager
def switching(session: Session) -> Iterator[tuple[Store, Switches]]:
    """The store and what may be switched in it; raises `CommandFailed`."""
    settings, name = session.settings, who()
    prepare_store(settings)
    asker = Asker(name=name, way=f"by {name} at the command line")
    try:
        with open_store(settings.database_url, mode=settings.mode.value) as store:
            yield store, Switches(store, settings, asker, partial(datetime.now, UTC))
    except Refused as error:
        raise CommandFailed.because(error, ExitCode.BAD_INPUT) from error
    except UnknownEvent as error:
        raise _unchanged(error, ExitCode.BAD_INPUT) from error
    except WrongState as error:
        raise _unchanged(error, ExitCode.FAILED) from error
    except StoreError as error:
        raise CommandFailed.because(error) from error


def switch_pauses(session: Session, move: Callable[[Switches], Change]) -> Report:
    """Pause or resume; everything that is paused afterwards is the result."""
    with switching(session) as (store, switches):
        change = move(switches)
        pauses = store.controls.paused()
    report = PausesReport.of(changed=change.changed, message=change.message, pauses=pauses)
    return Report(
        exit_code=ExitCode.DONE,
        document=report.model_dump_json(),
        show=lambda: show_pauses(report),
    )


def switch_arming(session: Session, move: Callable[[Switches], ArmedState]) -> Report:
    """Make a move of live arming; how it is afterwards is the result."""
    with switching(session) as (_, switches):
        state = move(switches)
    report = ArmingReport.of(state)
    return Report(
        exit_code=ExitCode.DONE,
        document=report.model_dump_json(),
        show=lambda: console().print(report.sentence(), markup=False),
    )


def who() -> str:
    """Who sits at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user often has no name.
        return "command line"


def _unchanged(error: Exception, exit_code: ExitCode) -> CommandFailed:
    return CommandFailed(
        f"{error}. Nothing was changed.", kind=type(error).__name__, exit_code=exit_code
    )
