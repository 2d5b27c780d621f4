"""Mixes of faults, each of which shows some planted bug."""

from dataclasses import replace

from faults import KILL, LOST, SUSPEND, UNKNOWN, UNKNOWN_AWAY, Profile

# Where nothing appears late, KILLS and its like tell the core so (lag=0): reading the last minutes twice would
# otherwise bring back most of what a bug has lost.
_CALM = {"late": 0.0, "lingers": 0.0, "never": 0.0, "twice": 0.0, "ties": 0.0, "dates": 1, "page": 3}
_PLAIN = Profile(
    rates={},
    moves={"jump": 0.02, "skew": 0.0, "webhook": 0.0},
    habits=_CALM,
    modes=("changes",),
    kinds="own",
    threads=False,
    zombies=False,
    sticky=0.5,
    outage=False,
    stop=False,
    rescan_at_end=False,
    run_again=False,
    settled_first=True,
    workers=2,
    mutate=0.12,
)
FLIPS = replace(
    _PLAIN,
    name="sleepers while a few records change back and forth",
    steps=300,
    workers=3,
    rates={SUSPEND: 0.6},
    changes={"flip": 1.0},
    customers=2,
    payments=0,
    sticky=0.9,
    zombies=True,
)
KILLS = replace(
    _PLAIN, name="kills", rates={KILL: 0.6}, changes={"payment": 1.0, "rename": 1.0, "refund": 1.0}, sticky=0.9, lag=0
)
BROKEN = replace(
    KILLS,
    name="a source that breaks off",
    rates={LOST: 1.0},
    changes={"rename": 1.0},
    payments=0,
    habits={**_CALM, "page": 2},
    mutate=0.2,
)
BUSY = replace(BROKEN, name="more news than a batch holds", rates={})
LATE = replace(KILLS, lag=300, name="news that appear late", rates={}, habits={**_CALM, "late": 0.9})
TAKEN = replace(FLIPS, name="sleepers that lose their lease", rates={SUSPEND: 1.0}, settled_first=False, customers=5)
RESCANS = replace(
    FLIPS,
    name="sleepers during rescans",
    modes=("changes", "rescan"),
    changes={"rename": 1.0},
    customers=4,
    rates={SUSPEND: 1.0},
    naps=(20, 40, 50),
    naps_at="_store",
    sticky=0.8,
    mutate=0.05,
    moves={"jump": 0.0, "skew": 0.0, "webhook": 0.0},
    steps=420,
)
HIDDEN = replace(
    _PLAIN, name="lists that leave things out", modes=("changes", "rescan"), changes={"hide": 1.0}, mutate=0.1
)
DELETES = replace(
    _PLAIN,
    name="lists that show what was deleted",
    modes=("changes", "rescan"),
    changes={"delete": 1.0, "customer": 1.0},
    habits={**_CALM, "lingers": 1.0},
    customers=6,
    payments=0,
    workers=1,
)
ADOPTED = replace(
    _PLAIN,
    name="guests that become customers",
    rates={SUSPEND: 1.0},
    naps_at="settle",
    naps=(20, 40),
    changes={"payment": 1.0, "adopt": 2.0},
    steps=420,
    workers=3,
    mutate=0.15,
    zombies=True,
)
GARBLED = replace(
    BROKEN,
    name="events that can not be read",
    rates={},
    stop=True,
    habits={**_CALM, "garbled": 0.9},
)
POISON = replace(
    FLIPS,
    name="sleepers while records spoil and are mended",
    changes={"spoil": 1.0},
    mutate=0.04,
    customers=1,
    rates={SUSPEND: 1.0},
    naps_at="_store_fetched",
)
TIES = replace(
    _PLAIN,
    name="objects of one second that vanish while they are read",
    settled_first=False,
    changes={"delete": 1.0},
    habits={**_CALM, "page": 2, "ties": 0.95},
    rates={SUSPEND: 0.2},
    customers=12,
    payments=0,
    mutate=0.25,
)
LONG = replace(_PLAIN, name="a first reading of many", settled_first=False, customers=14, changes={"rename": 1.0})
DOUBTS = replace(
    KILLS, name="commits in doubt", rates={UNKNOWN: 0.4, UNKNOWN_AWAY: 0.4}, changes={"payment": 1.0, "refund": 1.0}
)
GAP = replace(_PLAIN, name="an outage longer than events live", outage=True, changes={"rename": 1.0}, steps=120)
STOPS = replace(
    _PLAIN,
    lag=0,
    settled_first=False,
    customers=6,
    name="a kind that can not be read any more",
    stop=True,
    changes={"misread": 0.6, "payment": 1.0},
)
REPELS = replace(
    _PLAIN,
    name="a target that refuses single rows",
    changes={"repel": 1.0, "rename": 1.0, "heal": 0.5},
    mutate=0.3,
    payments=0,
)
CHARGED = replace(
    _PLAIN, name="many payments that change at once", changes={"refund": 1.0, "payment": 0.5}, payments=6, mutate=0.25
)
STUCK = replace(
    _PLAIN, name="objects that can not be fetched", changes={"stick": 1.0, "rename": 3.0}, mutate=0.06, customers=9
)
SOME_GARBLED = replace(
    _PLAIN,
    name="an event that can not be read here and there",
    habits={**_CALM, "garbled": 0.2},
    changes={"rename": 1.0},
    lag=0,
    mutate=0.3,
    payments=0,
)
REMAPPED = replace(
    _PLAIN,
    name="a mapping that leaves a kind out for a while",
    moves={"jump": 0.02, "remap": 0.1},
    changes={"rename": 1.0},
    workers=1,
)
