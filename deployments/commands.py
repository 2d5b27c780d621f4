"""The commands of `accord`, and what each runs, which is imported when it runs."""

import argparse
from pathlib import Path

from deployments.connect import connect_parsers

EPILOG = "Exit codes: 0 in agreement, 1 disagreements remain, 2 usage or configuration, 3 a system is unreachable."


def parser() -> argparse.ArgumentParser:
    """All commands, each with what runs it as `run`."""
    whole = argparse.ArgumentParser(prog="accord", description="Keeps business systems in agreement.", epilog=EPILOG)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="run everything on this machine, with nothing to configure")
    demo.add_argument("--exit", action="store_true", help="leave after the first run instead of waiting for Ctrl-C")
    demo.add_argument("--json", action="store_true", help="print the table as JSON")
    demo.add_argument("--reset", action="store_true", help="forget what earlier demos left and start over")
    demo.add_argument(
        "--home", type=Path, default=Path(".accord"), help="the folder that keeps its state (%(default)s)"
    )
    demo.set_defaults(run=_demo)

    sandbox = commands.add_parser(
        "sandbox", help="serve the sandbox providers alone, for any HTTP client", add_help=False, prefix_chars="\0"
    )
    sandbox.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    sandbox.set_defaults(run=_sandbox)

    connect_parsers(commands)
    _import_parser(commands)

    _operate_parsers(commands)

    reconcile = commands.add_parser("reconcile", help="read both sides afresh and say where they differ")
    reconcile.add_argument(
        "connection", nargs="?", metavar="FLOW/NAME", help="needed where there are several connections"
    )
    reconcile.add_argument("--json", action="store_true", help="print JSON")
    reconcile.set_defaults(run=_reconcile)

    _repair_parsers(commands)
    _database_parsers(commands)
    for command in commands.choices.values():
        command.epilog = EPILOG
    return whole


def _import_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    systems = commands.add_parser("import", help="take in what a person exported from a system").add_subparsers(
        required=True, metavar="WHAT"
    )
    smartbill = systems.add_parser("smartbill", help="the report Facturi emise, for what SmartBill's API does not tell")
    smartbill.add_argument("file", type=Path, metavar="FILE.xlsx", help="as SmartBill's web application exported it")
    smartbill.add_argument("--name", default="main", help="of the connection (%(default)s)")
    smartbill.add_argument("--json", action="store_true", help="print JSON")
    smartbill.set_defaults(run=_import_smartbill)


def _operate_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    deploy = commands.add_parser("deploy", help="make or update all that Accord needs on the Prefect server")
    deploy.add_argument("--pool", default="accord", help="the work pool (%(default)s)")
    deploy.add_argument(
        "--reset-schedules",
        action="store_true",
        help="put the schedules of prefect.yaml in place of those on the server; paused ones stay paused",
    )
    deploy.add_argument("--json", action="store_true", help="print JSON")
    deploy.set_defaults(run=_deploy)

    run = commands.add_parser("run", help="run a sync now, through its deployment, and follow it to its end")
    run.add_argument("deployment", nargs="?", metavar="FLOW/NAME", help="needed where there are several connections")
    run.add_argument("--rescan", action="store_true", help="read all of history again")
    run.add_argument("--json", action="store_true", help="print what it came to as JSON; its progress goes to stderr")
    run.set_defaults(run=_run)

    status = commands.add_parser("status", help="how every connection stands: agreement, lag, runs, what is stopped")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=_status)

    doctor = commands.add_parser("doctor", help="everything that is wrong, each with what to do")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_doctor)

    work = commands.add_parser("work", help="run a worker, which lets its runs end before it stops")
    work.add_argument("--pool", default="accord", help="the work pool (%(default)s)")
    work.add_argument("--name", help="how the worker is called in Prefect; by default it gets a name of its own")
    work.add_argument("--limit", type=int, default=10, help="runs at once, at most (%(default)s)")
    work.add_argument(
        "--drain", type=float, default=600, help="seconds that runs under way have to end once it stops (%(default)s)"
    )
    work.set_defaults(run=_work)


def _repair_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    resume = commands.add_parser("resume", help="let a stopped stream go on")
    resume.add_argument("stream", nargs="?", help="such as payment-to-account/main:payment; none lists those stopped")
    resume.add_argument(
        "--quarantine",
        action="store_true",
        help="this once, send what is unsound to quarantine and let through what would be deleted",
    )
    resume.add_argument(
        "--reread", action="store_true", help="throw away what waits, and have it read again as the source shows it now"
    )
    resume.add_argument("--json", action="store_true", help="print JSON")
    resume.set_defaults(run=_resume)

    quarantine = commands.add_parser("quarantine", help="records that failed a check")
    quarantine.add_argument("action", choices=("list", "show", "retry", "accept", "drop"))
    quarantine.add_argument("ids", nargs="*", type=int, help="numbers as listed; retry without any retries all")
    quarantine.add_argument("--json", action="store_true", help="print JSON (list)")
    quarantine.set_defaults(run=_quarantine)

    actions = commands.add_parser("actions", help="what is done at other systems because of records")
    actions.add_argument("action", choices=("list", "retry", "drop"))
    actions.add_argument("keys", nargs="*", help="of the records, as listed; retry only what you looked for in vain")
    actions.add_argument("--json", action="store_true", help="print JSON")
    actions.set_defaults(run=_actions)

    conflicts = commands.add_parser(
        "conflicts", help="bookings and events that differ, until a person says which counts"
    )
    conflicts.add_argument("action", choices=("list", "show", "keep"))
    conflicts.add_argument("booking", nargs="?", help="as listed")
    conflicts.add_argument("--side", choices=("booking", "calendar"), help="which one to keep")
    conflicts.add_argument("--json", action="store_true", help="print JSON")
    conflicts.set_defaults(run=_conflicts)

    explain = commands.add_parser("explain", help="the whole story of one record")
    explain.add_argument("key", help="the record's id at its system, such as ch_123")
    explain.add_argument("--json", action="store_true", help="print JSON")
    explain.set_defaults(run=_explain)


def _database_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    db = commands.add_parser("db", help="the ledger's tables")
    db.add_argument(
        "action",
        choices=("upgrade", "check", "rekey", "copy"),
        help="upgrade to, or compare with, what this version needs; encrypt everything with the first key of "
        "ACCORD_LEDGER_KEY; copy into another database, whose URL is asked for",
    )
    db.add_argument("--json", action="store_true", help="print JSON")
    db.set_defaults(run=_db)

    for what, shown in (("accounts", "an accounts database block"), ("portal", "a portal database block")):
        database = commands.add_parser(what, help=f"the tables of {shown}")
        database.add_argument("action", choices=("check", "create"), help="whether they fit; or make Accord's own")
        database.add_argument("name", nargs="?", default="main", help="the block (%(default)s)")
        database.add_argument("--json", action="store_true", help="print JSON")
        database.set_defaults(run=_database, what=what)

    bookings = commands.add_parser("bookings", help="the tables of a bookings database block")
    bookings.add_argument("action", choices=("check", "create"), help="whether they fit; or make Accord's own")
    bookings.add_argument("name", nargs="?", default="main", help="the block (%(default)s)")
    bookings.add_argument("--json", action="store_true", help="print JSON")
    bookings.set_defaults(run=_bookings)


def _demo(options: argparse.Namespace) -> int:
    from deployments.demo import demo

    home = options.home.resolve()
    return demo(home, stay=not options.exit, as_json=options.json, reset=options.reset)


def _sandbox(options: argparse.Namespace) -> int:
    from accord.sandbox.__main__ import main as serve

    return serve(options.words)


def _import_smartbill(options: argparse.Namespace) -> int:
    from deployments.import_smartbill import command

    return command(options.file, options.name, options.json)


def _deploy(options: argparse.Namespace) -> int:
    from deployments.deploy import command

    return command(options.pool, options.reset_schedules, options.json)


def _run(options: argparse.Namespace) -> int:
    from deployments.trigger import command

    return command(options.deployment, {"mode": "rescan"} if options.rescan else {}, options.json)


def _status(options: argparse.Namespace) -> int:
    from deployments.status import command

    return command(options.json)


def _doctor(options: argparse.Namespace) -> int:
    from deployments.doctor import command

    return command(options.json)


def _work(options: argparse.Namespace) -> int:
    from deployments.work import work

    return work(options.pool, options.name, options.limit, options.drain, lambda line: print(line, flush=True))


def _reconcile(options: argparse.Namespace) -> int:
    from deployments.reconcile import command

    return command(options.connection, options.json)


def _resume(options: argparse.Namespace) -> int:
    from deployments import repair

    return repair.resume(options.stream, options.quarantine, options.reread, options.json)


def _quarantine(options: argparse.Namespace) -> int:
    from deployments import repair

    return repair.quarantined(options.action, options.ids, options.json)


def _actions(options: argparse.Namespace) -> int:
    from deployments.acting import command

    return command(options.action, options.keys, options.json)


def _conflicts(options: argparse.Namespace) -> int:
    from deployments.conflicts import command

    return command(options.action, options.booking, options.side, options.json)


def _explain(options: argparse.Namespace) -> int:
    from deployments import repair

    return repair.explain(options.key, options.json)


def _db(options: argparse.Namespace) -> int:
    from deployments import tables

    return tables.ledger(options.action, options.json)


def _database(options: argparse.Namespace) -> int:
    from deployments import tables

    return tables.database(options.what, options.action, options.name, options.json)


def _bookings(options: argparse.Namespace) -> int:
    from deployments import tables

    return tables.bookings(options.action, options.name, options.json)
