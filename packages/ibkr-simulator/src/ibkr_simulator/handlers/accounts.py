"""Account values, portfolio and account summaries: asked for, then pushed when they change."""

from collections.abc import Collection, Mapping
from typing import Any

from ibkr_simulator.refusals import Refusal
from ibkr_simulator.session import Session
from ibkr_simulator.subscriptions import AccountFeed, LineFilter, Summary
from ibkr_simulator.translate.accounts import Line, Statement, portfolio_fields
from ibkr_simulator.translate.texts import ZONE

#: Summaries one client may have at a time (TWS API, "Account Summary").
_MAX_SUMMARIES = 2


def account_updates(session: Session, request: Mapping[str, Any]) -> None:
    """The one account-updates subscription of a client; a second one replaces the first."""
    if not request["subscribe"]:
        session.subscriptions.account = None
        return
    # A login with several accounts that names none gets the first (seen with ib_insync).
    account_id = request["account"] or session.desk.account_ids[0]
    feed = AccountFeed(session.account(account_id))
    session.subscriptions.account = feed
    statement = session.desk.statement(feed.account_id)
    _send_values(session, feed, statement)
    _send_portfolio(session, statement, statement.account.positions)
    _send_time(session)
    session.send("accountDownloadEnd", account=feed.account_id)


def account_updates_multi(session: Session, request: Mapping[str, Any]) -> None:
    request_id = request["reqId"]
    feed = AccountFeed(
        session.account(request["account"]), request["modelCode"], request["ledgerAndNLV"]
    )
    session.subscriptions.account_requests[request_id] = feed
    _send_values_multi(session, request_id, feed, session.desk.statement(feed.account_id))
    session.send("accountUpdateMultiEnd", reqId=request_id)


def cancel_account_updates_multi(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.account_requests.pop(request["reqId"], None)


def account_summary(session: Session, request: Mapping[str, Any]) -> None:
    """The group is `All`, one of the accounts, or an adviser's."""
    request_id, group = request["reqId"], request["group"]
    summaries = session.subscriptions.summaries
    if request_id not in summaries and len(summaries) >= _MAX_SUMMARIES:
        raise Refusal(
            322,
            "Error processing request.-'bN' : cause - "
            "Maximum number of account summary requests exceeded",
        )
    accounts = session.desk.accounts_of(group)
    tags = tuple(tag.strip() for tag in request["tags"].split(",") if tag.strip())
    summaries[request_id] = Summary(tags, {name: LineFilter() for name in accounts})
    for account_id in accounts:
        statement = session.desk.statement(account_id)
        _send_summary(session, request_id, summaries[request_id], statement)
    session.send("accountSummaryEnd", reqId=request_id)


def cancel_account_summary(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.summaries.pop(request["reqId"], None)


def account_changed(session: Session, statement: Statement, con_ids: Collection[int]) -> None:
    """Push what is different, to every subscription that shows this account."""
    account_id, wanted = statement.account_id, session.subscriptions
    if wanted.account is not None and wanted.account.account_id == account_id:
        _send_values(session, wanted.account, statement)
        _send_portfolio(session, statement, con_ids)
        _send_time(session)
    for request_id, feed in wanted.account_requests.items():
        if feed.account_id == account_id:
            _send_values_multi(session, request_id, feed, statement)
    for request_id, summary in wanted.summaries.items():
        if account_id in summary.accounts:
            _send_summary(session, request_id, summary, statement)


def _send_values(session: Session, feed: AccountFeed, statement: Statement) -> None:
    for tag, value, currency in feed.seen.news(statement.everything):
        session.send(
            "updateAccountValue",
            key=tag,
            value=value,
            currency=currency,
            account=feed.account_id,
        )


def _send_values_multi(
    session: Session, request_id: int, feed: AccountFeed, statement: Statement
) -> None:
    for tag, value, currency in feed.seen.news(_multi_lines(feed, statement)):
        session.send(
            "accountUpdateMulti",
            reqId=request_id,
            account=feed.account_id,
            modelCode=feed.model,
            key=tag,
            value=value,
            currency=currency,
        )


def _multi_lines(feed: AccountFeed, statement: Statement) -> list[Line]:
    if not feed.ledger_only:
        return statement.everything
    return [*statement.summary(("NetLiquidation",)), *statement.ledger]


def _send_summary(
    session: Session, request_id: int, summary: Summary, statement: Statement
) -> None:
    account_id = statement.account_id
    lines = statement.summary(summary.tags)
    for tag, value, currency in summary.accounts[account_id].news(lines):
        session.send(
            "accountSummary",
            reqId=request_id,
            account=account_id,
            tag=tag,
            value=value,
            currency=currency,
        )


def _send_portfolio(session: Session, statement: Statement, con_ids: Collection[int]) -> None:
    """One line for each of these instruments; one that is no longer held has position 0."""
    account, exchange = statement.account, session.desk.exchange
    for con_id in con_ids:
        position, instrument = account.positions.get(con_id), exchange.instrument(con_id)
        fields = portfolio_fields(account.account_id, position, instrument)
        session.send("updatePortfolio", fields)


def _send_time(session: Session) -> None:
    now = session.desk.exchange.clock.now().astimezone(ZONE)
    session.send("updateAccountTime", time=f"{now:%H:%M}")


REQUESTS = {
    "reqAccountUpdates": account_updates,
    "reqAccountUpdatesMulti": account_updates_multi,
    "cancelAccountUpdatesMulti": cancel_account_updates_multi,
    "reqAccountSummary": account_summary,
    "cancelAccountSummary": cancel_account_summary,
}
