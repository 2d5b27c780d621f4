"""`accord connect alerts`: asks where alerts go, keeps it, and proves that they arrive."""

import argparse
import json
from typing import TYPE_CHECKING

from accord.errors import Misconfigured, TryLater

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from prefect.client.orchestration import SyncPrefectClient

    from deployments.channels import Arrival

CALL = 10.0  # seconds for a heartbeat address to answer
ASKED = {
    "mail": "smtp://user:password@host:587/?from=accord@example.com&to=ops@example.com",
    "slack": "https://hooks.slack.com/services/...",
    "webhook": "https://...",
    "heartbeat": "https://...",
}


def alerts_parser(connect: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `alerts` to the subcommands of `accord connect`."""
    alerts = connect.add_parser("alerts", help="where alerts go; asks for the address, which holds secrets")
    kinds = alerts.add_mutually_exclusive_group(required=True)
    for kind, example in ASKED.items():
        what = "call an address when a run completes" if kind == "heartbeat" else f"send alerts by {kind}"
        kinds.add_argument(f"--{kind}", dest="kind", action="store_const", const=kind, help=f"{what}: {example}")
    alerts.add_argument("--second", action="store_true", help="the channel for alerts that the first did not send")
    alerts.add_argument("--json", action="store_true", help="print JSON")
    alerts.set_defaults(run=connect_alerts)


def connect_alerts(options: argparse.Namespace) -> int:
    """Keep the address, make the automations that use it, and send test alerts; 1 where another one did not arrive.

    Raises Misconfigured, and leaves all as it was, where the test alert to this address could not be sent; it leaves
    all as it was also where it is broken off before.
    """
    from deployments import channels, server
    from deployments.ask import secret

    kind = options.kind
    if kind == "heartbeat" and options.second:
        raise Misconfigured("there is one heartbeat address; leave --second out")
    which = "heartbeat" if kind == "heartbeat" else "second" if options.second else "first"
    with server.opened() as client:
        if which == "second" and "first" not in channels.found(client):
            raise Misconfigured("make the first channel first: the same command without --second")
        address, before = secret(f"address ({ASKED[kind]})"), channels.kept(client, which)
        unheard = _beat(channels.web_address(address)) if kind == "heartbeat" else []
        try:
            channels.save(client, which, kind, address)
            told = channels.ensure_automations(client) + unheard
            arrivals = channels.send_tests(client)
        except BaseException:  # Ctrl-C too: what was not tested must not stay in place of what works
            _put_back(client, which, before)
            raise
        failed = next((one.why for one in arrivals if one.channel == which and one.why), None)
        if failed is not None:
            _put_back(client, which, before)
    if options.json:
        said = {"saved": failed is None, "channels": [one._asdict() for one in arrivals], "warnings": told}
        print(json.dumps(said, indent=2))
    elif failed is None:
        tell(told, arrivals)
    if failed is not None:
        # Prefect says the same of every mail that could not be sent; of a relay on the same host this is the cause.
        clear = " (with &tls=no where the mail server has no STARTTLS)" if kind == "mail" else ""
        raise Misconfigured(
            f"nothing was saved, since the test alert did not arrive: {failed}; correct the address{clear}, or try "
            "again when it answers"
        )
    return 1 if any(one.why for one in arrivals) else 0


def _beat(address: str) -> list[str]:
    """Call a heartbeat address once, from here; a warning where it can not be reached, as it may be for the server."""
    import httpx

    try:
        answer = httpx.get(address, timeout=CALL)
    except (httpx.HTTPError, OSError) as error:
        why = type(error).__name__
        return [f"the heartbeat address did not answer from here ({why}); look whether the Prefect server reaches it"]
    if not answer.is_success:
        raise Misconfigured(f"nothing was saved, since the heartbeat address answered {answer.status_code}; correct it")
    return []


def _put_back(client: "SyncPrefectClient", which: str, before: "Block | None") -> None:
    from deployments import channels

    try:
        channels.put(client, which, before)
        channels.ensure_automations(client)
    except Exception as error:
        raise TryLater(
            "the address may be saved although its test alert was not sent, and could not be taken back "
            f"({type(error).__name__}); run the same command again when the Prefect server answers"
        ) from error


def tell(warnings: list[str], arrivals: "list[Arrival]") -> None:
    """Print which test alerts arrived, and what a person should know."""
    for one in arrivals:
        print(f"{one.channel} channel: {f'the test alert did not arrive: {one.why}' if one.why else 'test alert sent'}")
    for line in warnings:
        print(f"warning: {line}")
