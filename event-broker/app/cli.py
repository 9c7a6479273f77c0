"""The command line: arguments come in, one command runs, an exit code goes out.

It parses, and says what a signal does until there is more to say; what follows is
`app.commands.run`. Nothing that takes time to load is imported before the arguments are known.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from app import __version__, interruption

from .commands.outcome import CommandFailed, ExitCode, Heading, document, print_end

_EXIT_CODES = """\
exit codes:
  0  done, or nothing to do
  1  failed; nothing is left in doubt
  2  bad input: arguments or configuration files
  3  needs attention: somebody must look before the next run
"""

_JSON = "print one JSON document and nothing else"

#: Commands that are not about one account, or may be about all of them.
_WITHOUT_ACCOUNT = frozenset(
    {
        "arm",
        "attention",
        "config",
        "disarm",
        "doctor",
        "pause",
        "plan",
        "reload",
        "resume",
        "schedule",
        "serve",
    }
)


class _Parser(argparse.ArgumentParser):
    def _get_option_tuples(
        self, option_string: str
    ) -> list[tuple[argparse.Action, str, str | None]]:
        # What an option may be short for: nothing. Its own switch for this, `allow_abbrev`, is
        # not heeded after a single dash, where `-e rebalance` would trade.
        return []

    def error(self, message: str) -> NoReturn:
        raise CommandFailed(
            f"{message}. See {self.prog} --help.",
            kind="ArgumentError",
            exit_code=ExitCode.BAD_INPUT,
        )


class _Once(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: object,
        option: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "one account at a time")
        if not value:
            raise argparse.ArgumentError(self, "the id is empty")
        setattr(namespace, self.dest, value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = argparse.Namespace(command=None)
    try:
        parse(argv, arguments)
    except CommandFailed as failure:
        return print_end(Heading(arguments.command, None), failure, as_json="--json" in argv)
    _end_at_once_when_interrupted(arguments)
    from .commands.run import run

    return run(arguments, os.environ)


def _end_at_once_when_interrupted(arguments: argparse.Namespace) -> None:
    end = CommandFailed(
        "interrupted; nothing was sent", kind="Interrupted", exit_code=ExitCode.FAILED
    )
    heading = Heading(arguments.command, arguments.account)
    interruption.end_at_once(
        end.exit_code,
        output=document(heading, end) if arguments.json else "",
        errors=f"error: {end}\n",
    )
    interruption.let_through()


def parse(argv: Sequence[str], into: argparse.Namespace | None = None) -> argparse.Namespace:
    """The arguments; raises `CommandFailed` when they make no sense.

    `into` has the command even then, as soon as one is recognized.
    """
    parser = _Parser(
        prog="rebalancer",
        description="Keep brokerage accounts on their target allocations.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )
    rebalance = _add(commands, "rebalance", "preview the trades of an account, or make them")
    rebalance.add_argument(
        "-exec",
        "--exec",
        dest="execute",
        choices=["print-rebalance", "rebalance"],
        default="print-rebalance",
        help="print-rebalance shows what would be traded (default); rebalance trades",
    )
    rebalance.add_argument(
        "--reset-demo",
        action="store_true",
        help="put the simulated accounts back as they were at first",
    )
    plan = _command(commands, "plan", "preview all accounts of a strategy in one table")
    plan.add_argument(
        "--strategy", metavar="NAME", required=True, help="a strategy that accounts follow"
    )
    plan.add_argument(
        "--exact",
        action="store_true",
        help="the trades of each account's own preview, slower; else close to them",
    )
    plan.set_defaults(account=None)
    _add(commands, "positions", "what an account holds")
    _add(commands, "equity", "what an account is worth, and its cash")
    _add(commands, "orders", "working orders of an account, anybody's")
    _add(commands, "cancel-orders", "cancel the working orders of an account's own runs")
    _add(commands, "doctor", "check everything that a rebalance needs, in order")
    _add_schedule(commands)
    _add_switches(commands)
    _add_attention(commands)
    serve = _command(commands, "serve", "run the service until it is told to end")
    serve.add_argument(
        "--role",
        choices=["ingest", "worker", "api", "all"],
        default="all",
        help="the part of the work that this process does (default: all)",
    )
    serve.set_defaults(account=None)
    reload = _command(commands, "reload", "check the configuration files that services read")
    reload.set_defaults(account=None)
    _add_config(commands)
    arguments = parser.parse_args(argv, into)
    if arguments.account is None and not _may_go_without_account(arguments):
        commands.choices[arguments.command].error("-account ID is needed")
    return arguments


def _add_schedule(commands: argparse._SubParsersAction[_Parser]) -> None:
    schedule = _command(commands, "schedule", "accounts to rebalance when the market opens next")
    schedule.set_defaults(account=None, listed_account=None, reason=None)
    actions = schedule.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=_Parser
    )
    _action(actions, "list", "show the list")
    adding = _action(actions, "add", "put an account on the list")
    adding.add_argument("listed_account", metavar="ID", help="an account of accounts.yaml")
    adding.add_argument("--reason", metavar="TEXT", help="for people")
    removing = _action(actions, "remove", "take an account off the list")
    removing.add_argument("listed_account", metavar="ID", help="an account of the list")
    _action(actions, "clear", "take all accounts off the list")


def _add_switches(commands: argparse._SubParsersAction[_Parser]) -> None:
    pause = _add(commands, "pause", "begin no rebalance of an account, or of any, until resumed")
    pause.add_argument("--reason", metavar="TEXT", help="for people")
    _add(commands, "resume", "end the pause of an account, or the one of all accounts")
    arm = _command(commands, "arm", "allow live orders for a time (TRADING_MODE=live)")
    arm.add_argument(
        "--minutes",
        metavar="N",
        type=int,
        required=True,
        help="for how long; 10080, a week, at most",
    )
    disarm = _command(commands, "disarm", "allow no live order from now on; a run goes on")
    for command in (arm, disarm):
        command.set_defaults(account=None)


def _add_attention(commands: argparse._SubParsersAction[_Parser]) -> None:
    attention = _command(commands, "attention", "events that wait for a person")
    attention.set_defaults(account=None, event=None, reason=None)
    actions = attention.add_subparsers(dest="action", metavar="ACTION", parser_class=_Parser)
    _action(actions, "list", "show them (default)")
    retrying = _action(
        actions, "retry", "try one again; it begins by reconciling what the last run left"
    )
    dismissing = _action(actions, "dismiss", "somebody has looked; nothing more is to do")
    for moving in (retrying, dismissing):
        moving.add_argument("event", metavar="EVENT", help="the id of an event of the list")
    dismissing.add_argument("--reason", metavar="TEXT", required=True, help="kept with the event")


def _add_config(commands: argparse._SubParsersAction[_Parser]) -> None:
    config = _command(commands, "config", "bring configuration files of the predecessor up to date")
    config.set_defaults(account=None)
    actions = config.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=_Parser
    )
    migrating = _action(actions, "migrate", "show what would change, or change it")
    migrating.add_argument(
        "--from", dest="source", metavar="DIR", help="where the predecessor's files are"
    )
    migrating.add_argument(
        "--write", action="store_true", help="write the files, keep the old ones"
    )


def _add(
    commands: argparse._SubParsersAction[_Parser], name: str, summary: str
) -> argparse.ArgumentParser:
    """A command on one account."""
    parser = _command(commands, name, summary)
    parser.add_argument(
        "-account", "--account", metavar="ID", action=_Once, help="an account of accounts.yaml"
    )
    return parser


def _command(
    commands: argparse._SubParsersAction[_Parser], name: str, summary: str
) -> argparse.ArgumentParser:
    parser = _parser(commands, name, summary)
    parser.add_argument("--json", action="store_true", help=_JSON)
    return parser


def _action(
    actions: argparse._SubParsersAction[_Parser], name: str, summary: str
) -> argparse.ArgumentParser:
    parser = _parser(actions, name, summary)
    # Accepted on both sides of the action, without the latter undoing the former.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=_JSON)
    return parser


def _parser(
    parsers: argparse._SubParsersAction[_Parser], name: str, summary: str
) -> argparse.ArgumentParser:
    return parsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _may_go_without_account(arguments: argparse.Namespace) -> bool:
    return arguments.command in _WITHOUT_ACCOUNT or getattr(arguments, "reset_demo", False)
