"""The run journal on the side of an account process whose parent keeps it in a store.

Comes in: what a run wants to be written down. It waits until the parent says that it is, and for no
longer than a lease allows: a parent that is gone or silent, or a store that refuses, is a
`JournalError`, so nothing is sent. After one, nobody knows what was kept, and every append fails;
the next run finds out. What a file of this machine still has open is taken over first.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from pydantic import ValidationError

from rebalance_workflow import FileJournal, JournalError
from rebalance_workflow.journal import RECORD, OrderIntent, Record, RunFinished, unfinished

from .journal_pipe import ANSWER_SECONDS
from .messages import JournalAnswer, JournalRequest

_NOTHING_SENT = "no order is sent without it"


class JournalUnavailable(JournalError):
    """Nothing can be written down now; nothing was sent, and trying again later may help."""


class KeptJournal:
    """The journal of one account for one run."""

    def __init__(
        self,
        end: socket.socket,
        account_id: str,
        *,
        left_behind: FileJournal,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`end` is ours of the pipe, `left_behind` the journal from when this machine kept one."""
        self._socket = end
        self._account_id = account_id
        self._left_behind = left_behind
        self._answer_seconds = answer_seconds
        self._unread = b""
        #: None until the parent has told what there is.
        self._records: list[Record] | None = None
        self._failure: JournalError | None = None

    def append(self, *records: Record) -> None:
        """Return when the parent says that they are kept, and the account still ours."""
        if records:
            known = self._known(records[0].account_id)
            self._keep(records)
            known.extend(records)

    def history(self, account_id: str) -> list[Record]:
        """The recent records: older ones are in the store."""
        return self.recent(account_id)

    def recent(self, account_id: str) -> list[Record]:
        """Records from the last run on that ended well, oldest first."""
        return list(self._known(account_id))

    def unfinished(self, account_id: str) -> list[OrderIntent]:
        """Intents of the account that no outcome settles, oldest first."""
        return unfinished(self._known(account_id))

    def _known(self, account_id: str) -> list[Record]:
        if account_id != self._account_id:
            raise ValueError(f"this is the journal of {self._account_id}, not of {account_id}")
        if self._records is None:
            answer = self._ask(b"")
            records = [self._parse(text) for text in answer.records]
            self._take_over(records)
            self._records = records
        return self._records

    def _take_over(self, records: list[Record]) -> None:
        """What this machine's own file says becomes everybody's to know.

        All of it where nothing else is known of the account. Where others have gone on from it,
        or a take-over was cut off, what counts are open orders that they do not know of.
        """
        account_id = self._account_id
        left: Sequence[Record] = self._left_behind.recent(account_id)
        if records:
            known = {one.client_order_id for one in records if isinstance(one, OrderIntent)}
            open_orders = self._left_behind.unfinished(account_id)
            left = [intent for intent in open_orders if intent.client_order_id not in known]
        if left:
            self._keep(left)
            records.extend(left)
        self._left_behind.put_away(account_id)

    def _keep(self, records: Sequence[Record]) -> None:
        last = records[-1]
        request = JournalRequest(
            records=tuple(RECORD.dump_json(record).decode() for record in records),
            ends_clean=isinstance(last, RunFinished) and last.is_clean,
        )
        self._ask(request.model_dump_json().encode() + b"\n")

    def _ask(self, request: bytes) -> JournalAnswer:
        """The answer to a request, or with none what the parent says first."""
        if self._failure is None:
            try:
                answer = JournalAnswer.model_validate_json(self._exchange(request))
            except TimeoutError:
                self._failure = JournalUnavailable(
                    "whoever keeps the run journal has not answered within "
                    f"{self._answer_seconds:g} s: {_NOTHING_SENT}"
                )
            except (OSError, EOFError):
                self._failure = JournalUnavailable(
                    f"whoever keeps the run journal is gone: {_NOTHING_SENT}"
                )
            else:
                if answer.error is None:
                    return answer
                kind = JournalUnavailable if answer.passing else JournalError
                self._failure = kind(
                    f"the run journal cannot be kept ({answer.error}): {_NOTHING_SENT}"
                )
        raise self._failure

    def _exchange(self, request: bytes) -> bytes:
        """One line for the request; `TimeoutError`, `EOFError` or another `OSError` without."""
        deadline = time.monotonic() + self._answer_seconds
        self._socket.settimeout(self._answer_seconds)
        self._socket.sendall(request)
        while b"\n" not in self._unread:
            # Zero would mean not to wait at all, and to say so in another way.
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            part = self._socket.recv(65536)
            if not part:
                raise EOFError
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _parse(self, text: str) -> Record:
        try:
            return RECORD.validate_json(text)
        except ValidationError:
            raise JournalError(
                f"the run journal of {self._account_id} in the store is damaged: look at the "
                f"account's orders at the broker; {_NOTHING_SENT}"
            ) from None
