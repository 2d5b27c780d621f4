"""`python -m accord.sandbox`: serve the sandbox alone, for any HTTP client on this machine."""

import argparse
import sys
from pathlib import Path

from accord.errors import Misconfigured
from accord.sandbox.app import PAYMENTS, create
from accord.sandbox.serve import serve


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{port} is no port; they go from 0 to 65535")
    return port


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m accord.sandbox", description=__doc__)
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 (default) takes a free one")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the state in this file across restarts")
    parser.add_argument("--reset", action="store_true", help="forget the state file and start from the seed")
    parser.add_argument("--seed", type=int, default=1, help="number that the invented data come from (1)")
    parser.add_argument("--payments", type=int, default=PAYMENTS, help=f"size of the seed ({PAYMENTS}); 0 is empty")
    parser.add_argument(
        "--rps",
        type=int,
        metavar="N",
        help="limit each endpoint to N requests a second and the account to 4N, as Stripe does with 25 and 100",
    )
    parser.add_argument(
        "--portal-database",
        type=Path,
        metavar="FILE",
        help="the SQLite file whose invoices the portal's page shows, in place of those put through its API",
    )
    parser.add_argument(
        "--bookings-database",
        type=Path,
        metavar="FILE",
        help="the SQLite file in which the booking system keeps its bookings, in place of memory",
    )
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Serve until stopped; prints `READY <port>` once it listens. 2 when something about the call is wrong."""
    given = _arguments(words)
    try:
        app = create(
            seed=given.seed,
            payments=given.payments,
            per_endpoint=given.rps,
            state=given.state,
            reset=given.reset,
            portal_database=given.portal_database,
            bookings_database=given.bookings_database,
        )
        serve(given.port, app=app)
    except (Misconfigured, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
