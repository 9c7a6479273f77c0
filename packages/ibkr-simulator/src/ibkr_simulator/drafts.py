"""Orders that a client has sent but not transmitted.

Requests come in; a family comes out when one of its members is to be transmitted. They are the
client's alone: the exchange has not heard of them, and they end with the connection.

Source: a parent and all children but the last are sent with transmit off (TWS API, "Bracket
Orders").
"""

from dataclasses import dataclass

from simulated_exchange import OrderRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """One order; `parent_id` is the client's number of its parent, 0 for none."""

    order_id: int
    parent_id: int
    request: OrderRequest


class Drafts:
    """One client's drafts, by its own numbers."""

    def __init__(self) -> None:
        self._drafts: dict[int, Draft] = {}

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._drafts

    def add(self, draft: Draft) -> None:
        """Keep a draft, in place of an earlier one of that number."""
        self._drafts[draft.order_id] = draft

    def remove(self, order_id: int) -> bool:
        """Drop a draft; whether there was one."""
        return self._drafts.pop(order_id, None) is not None

    def take_family(self, order_id: int) -> list[Draft]:
        """The drafts that go with this one: first the parent, then its children as they came.

        A child whose parent is no draft goes alone.
        """
        root = self._drafts[order_id]
        root = self._drafts.get(root.parent_id, root)
        children = [draft for draft in self._drafts.values() if draft.parent_id == root.order_id]
        family = [root, *children]
        for draft in family:
            del self._drafts[draft.order_id]
        return family
