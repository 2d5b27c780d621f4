"""The command `accord`: what its errors mean, and its exit codes."""

import os
import sys
from collections.abc import Sequence

from accord.errors import AccordError, Misconfigured, TryLater
from deployments.commands import parser

DISAGREEMENT, CONFIGURATION, UNREACHABLE = 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except AccordError as error:
        code = {Misconfigured: CONFIGURATION, TryLater: UNREACHABLE}.get(_family(error), DISAGREEMENT)
        why = str(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DISAGREEMENT
    except Exception as error:
        server = os.environ.get("PREFECT_API_URL", "PREFECT_API_URL, which is not set")
        # Prefect's client raises what its HTTP library raises.
        if getattr(getattr(error, "response", None), "status_code", None) == 401:
            code, why = CONFIGURATION, f"the Prefect server at {server} asks for a login: set PREFECT_API_AUTH_STRING"
        elif type(error).__module__.startswith(("httpx", "httpcore")):
            code, why = UNREACHABLE, f"the Prefect server does not answer at {server}; is it up?"
        else:
            raise
    print(f"accord: {why}", file=sys.stderr)
    return code


def _family(error: AccordError) -> type[AccordError]:
    return next((family for family in (Misconfigured, TryLater) if isinstance(error, family)), AccordError)


if __name__ == "__main__":
    sys.exit(main())
