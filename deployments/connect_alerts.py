"""`accord connect alerts`: asks where alerts go, keeps it, and proves that they arrive."""

import argparse
import getpass
import json
import sys
from typing import Any

from accord.errors import Misconfigured

ASKED = {
    "mail": "smtp://user:password@host:587/?from=...&to=...",
    "slack": "https://hooks.slack.com/services/...",
    "webhook": "https://...",
    "heartbeat": "https://...",
}


def alerts_parser(connect: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `alerts` to the subcommands of `accord connect`."""
    alerts = connect.add_parser(
        "alerts",
        help="say where alerts go; an address that is left out is asked for without echo, or read from stdin",
        description="An address holds secrets: leave it out, and it is asked for without echo or read from stdin.",
    )
    kinds = alerts.add_mutually_exclusive_group(required=True)
    for kind, example in ASKED.items():
        what = "call this address whenever a run completes" if kind == "heartbeat" else f"send alerts by {kind}"
        kinds.add_argument(f"--{kind}", nargs="?", const="", metavar="URL", help=f"{what}: {example}")
    alerts.add_argument("--second", action="store_true", help="the channel for alerts that the first could not send")
    alerts.add_argument("--json", action="store_true", help="print JSON")
    alerts.set_defaults(run=connect_alerts)


def connect_alerts(options: argparse.Namespace) -> int:
    """Keep the address, make the automations that use it, and send a test alert; 1 where that did not arrive."""
    from prefect.client.orchestration import get_client

    from deployments import channels

    [(kind, given)] = [(kind, url) for kind in ASKED if (url := getattr(options, kind)) is not None]
    if kind == "heartbeat" and options.second:
        raise Misconfigured("there is one heartbeat address; leave --second out")
    which = "heartbeat" if kind == "heartbeat" else "second" if options.second else "first"
    url = given or _ask(ASKED[kind])
    with get_client(sync_client=True) as client:
        if which == "second" and "first" not in channels.found(client):
            raise Misconfigured("make the first channel first: accord connect alerts --mail, without --second")
        channels.save(client, which, kind, url)
        told = channels.ensure_automations(client)
        arrivals = channels.send_tests(client)
    return say(told, arrivals, options.json)


def say(told: list[str], arrivals: list[Any], as_json: bool) -> int:
    """Print what a person should know and which test alerts arrived; 1 where one did not."""
    lost = [one for one in arrivals if one.why]
    if as_json:
        print(json.dumps({"channels": [one._asdict() for one in arrivals], "told": told}, indent=2))
        return 1 if lost else 0
    for line in told:
        print(f"note: {line}")
    for one in arrivals:
        print(f"{one.channel} channel: {f'the test alert did not arrive: {one.why}' if one.why else 'test alert sent'}")
    return 1 if lost else 0


def _ask(example: str) -> str:
    asked = f"Address ({example}), not shown: "
    answer = getpass.getpass(asked) if sys.stdin.isatty() else sys.stdin.readline()
    if not answer.strip():
        raise Misconfigured(f"no address was given; it looks like {example}")
    return answer.strip()
