"""The flow, in a process that is killed as soon as the flow opens anything."""

import os
import signal

from flows import agree as module
from flows.payment_to_account import payment_to_account

module.bench = lambda sync: os.kill(os.getpid(), signal.SIGKILL)

__all__ = ["payment_to_account"]
