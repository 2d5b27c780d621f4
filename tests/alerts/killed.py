"""The flow, in a process that is killed as soon as the flow opens anything."""

import os
import signal

from flows import payment_to_account as module

module.bench = lambda connection: os.kill(os.getpid(), signal.SIGKILL)
payment_to_account = module.payment_to_account
