"""No secret and nothing of a person is left where it does not belong: `python tests/canary/run.py [--short]`.

What the demo starts is started as it starts it: a Prefect server, a worker, a sandbox Stripe; then runs that end well
and runs that fail, each in its own way, with canaries in keys, passwords, names, addresses and card numbers. At the end
the Prefect database, everything else below Prefect's home, the logs of all processes, what the commands printed, and
the ledger are searched for them.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from traces import find

from deployments.children import Children, free_port
from deployments.demo import start
from deployments.demo_home import Place

# Where such data belongs: what is kept in agreement, and the files of the secrets. Of the former, so that the search
# itself is seen to find something.
WITNESSES = ("sandbox.json", "accounts.db", "portal.db", "bookings.db")
BY_DESIGN = frozenset({*WITNESSES, "ledger.key", "prefect.key", "prefect.password"})
SHORT = 6  # scenes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="the six scenes that differ most")
    options = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="accord-canary-") as folder,
        tempfile.TemporaryDirectory(prefix="accord-canary-shop-") as shop,
    ):
        home = Path(folder)
        said = home / "logs" / "followed.log"
        said.parent.mkdir()

        def say(line: str) -> None:
            print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
            with said.open("a") as file:
                file.write(f"{line}\n")

        canaries = _play(Place(home, free_port(0), free_port(0)), Path(shop), SHORT if options.short else None, say)
        blind = [name for name in WITNESSES if not _seen(canaries, home, name)]
        if blind:
            print(f"the search itself is blind: it finds no canary in {', '.join(blind)}")
            return 1
        found = find(canaries, home, BY_DESIGN)
    for trace in found[:40]:
        print(trace)
    print(f"{len(found)} traces of {len(canaries)} canaries after {time.monotonic() - began:.0f} s")
    return 1 if found else 0


def _play(place: Place, shop: Path, most: int | None, say: Callable[[str], None]) -> set[str]:
    """Start everything, play the scenes, stop everything; all canaries that were let loose."""
    plugins = place.home / "plugins"
    (place.home / "tmp").mkdir()
    path = os.pathsep.join(filter(None, [str(plugins), os.environ.get("PYTHONPATH")]))
    outside = os.environ | {"TMPDIR": str(place.home / "tmp"), "PYTHONPATH": path}
    os.environ.update(outside | place.client())
    from scenes import ALL, Stage  # not before: Prefect reads its settings when it is imported

    children = Children(place.home / "logs")
    try:
        start(place, children, outside, say)
        with Stage(place, shop, say) as stage:
            for scene in ALL[:most]:
                say(f"--- {scene.__name__.replace('_', ' ')}")
                scene(stage)
            return stage.canaries()
    finally:
        children.stop()


def _seen(canaries: set[str], home: Path, name: str) -> bool:
    others = frozenset(path.relative_to(home).as_posix() for path in home.rglob("*")) - {name}
    return bool(find(canaries, home, others))


if __name__ == "__main__":
    sys.exit(main())
