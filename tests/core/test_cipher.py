"""Encryption at rest."""

import base64
import re
from pathlib import Path

import pytest

from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.ledger import batches, quarantine
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger
from accord.ledger.quarantine import Unsound
from accord.ledger.schema import metadata

CANARY = b"Ada Canary <canary@example.com> 4242"


def test_what_was_sealed_opens_for_the_same_purpose_only():
    cipher = Cipher(new_key())
    sealed = cipher.seal(CANARY, "batches:a")
    assert cipher.open(sealed, "batches:a") == CANARY
    assert b"canary" not in sealed.lower()
    assert cipher.seal(CANARY, "batches:a") != sealed
    with pytest.raises(Misconfigured):
        cipher.open(sealed, "batches:b")


def test_rotated_keys_still_open():
    old, new = new_key(), new_key()
    sealed = Cipher(old).seal(CANARY, "batches")
    both = Cipher(f"{new}, {old}")
    assert both.open(sealed, "batches") == CANARY
    assert Cipher(new).open(both.seal(CANARY, "batches"), "batches") == CANARY


def test_the_wrong_key_says_what_to_do():
    sealed = Cipher(new_key()).seal(CANARY, "quarantine:payment-to-account/main:payment:ch_1")
    with pytest.raises(Misconfigured, match="put the key that was in use") as raised:
        Cipher(new_key()).open(sealed, "quarantine:payment-to-account/main:payment:ch_1")
    assert "ch_1" not in str(raised.value)


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s[:5], lambda s: b"", lambda s: s[:20] + b"x" + s[21:]])
def test_bytes_that_were_damaged_are_not_opened(change):
    cipher = Cipher(new_key())
    with pytest.raises(Misconfigured):
        cipher.open(change(cipher.seal(CANARY, "batches")), "batches")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param("", id="empty"),
        pytest.param(" , ", id="only a comma"),
        pytest.param("secret", id="no base64"),
        pytest.param("c2hvcnQ=", id="short"),
        pytest.param(new_key()[:-4], id="cut off"),
        pytest.param(new_key() + "A", id="one letter too many"),
        pytest.param("é" * 44, id="no ASCII"),
    ],
)
def test_malformed_keys_are_refused_without_being_shown(keys):
    with pytest.raises(Misconfigured, match="ACCORD_LEDGER_KEY") as raised:
        Cipher(keys)
    assert not keys.strip(" ,") or keys not in str(raised.value)


def test_a_key_in_either_alphabet_of_base64_will_do():
    raw = bytes(range(224, 256))
    sealed = Cipher(base64.urlsafe_b64encode(raw).decode()).seal(CANARY, "batches")
    assert re.search(r"[+/]", base64.b64encode(raw).decode())
    assert Cipher(base64.b64encode(raw).decode()).open(sealed, "batches") == CANARY


def test_no_customers_data_is_found_in_the_tables(new_ledger):
    ledger = new_ledger()
    sealed = batches.seal(ledger.cipher, "sync", "customer", [CANARY * 50], [], 50)
    unsound = [Unsound("cus_1", CANARY, ["it could not be read"])]

    def store(connection):
        quarantine.put(connection, ledger.cipher, "sync", "customer", unsound, 0, 0.0)
        return batches.add(connection, "sync", "customer", sealed, 0, 0.0)

    number = ledger.write(store)
    assert [*ledger.read(lambda c: batches.load(c, ledger.cipher, "sync", number)).pages] == [CANARY * 50]
    kept = ledger.read(quarantine.listed)[0]
    assert ledger.read(lambda c: quarantine.body(c, ledger.cipher, kept.id)) == CANARY
    assert sum(found for _, found in _everything(ledger)) == 0


def _everything(ledger):
    """Each value of each table, and whether it holds the canary."""

    def read(connection):
        for table in metadata.sorted_tables:
            for row in connection.execute(table.select()):
                for value in row:
                    yield value, b"canary" in (value if isinstance(value, bytes) else str(value).encode()).lower()

    with ledger.engine.connect() as connection:
        values = list(read(connection))
    assert len(values) > 15
    return values


def test_no_customers_data_is_found_in_the_file(fresh_files, open_engine):
    url = fresh_files.ledger()
    engine = open_engine(url)
    ledger = Ledger(engine, Cipher(new_key()), SystemClock())
    sealed = batches.seal(ledger.cipher, "sync", "customer", [CANARY], [], 1)
    ledger.write(lambda c: batches.add(c, "sync", "customer", sealed, 0, 0.0))
    unsound = [Unsound("cus_1", CANARY, ["why"])]
    ledger.write(lambda c: quarantine.put(c, ledger.cipher, "sync", "customer", unsound, 0, 0.0))
    path = Path(engine.url.database)
    written = path.read_bytes() + path.with_name(f"{path.name}-wal").read_bytes()
    assert b"cus_1" in written
    assert b"canary" not in written.lower()
