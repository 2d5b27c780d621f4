"""Great Expectations, imported only where there is something to check, and then while more is still being read."""

import gc
import sys
import threading
from importlib import import_module
from types import ModuleType

_MODULE = "tasks.expectations.examine"

_lock = threading.Lock()


def examiner() -> ModuleType:
    """`tasks.expectations.examine`. With pandas and Great Expectations it takes seconds to import the first time."""
    with _lock:
        if _MODULE not in sys.modules:
            # Nothing of what an import makes is ever garbage. To look for it took a quarter of the time, and to look
            # through all of it again in each later collection would cost more than that.
            gc.disable()
            try:
                import_module(_MODULE)
            finally:
                gc.enable()
            gc.freeze()
    return sys.modules[_MODULE]


def prepare_examiner() -> None:
    """Begin the import in a thread; at once where it was begun before."""
    if _MODULE not in sys.modules and not _lock.locked():
        threading.Thread(target=examiner, name="import of Great Expectations").start()
