"""What the portal has beyond other targets: states as plain text, and what is still to be paid."""

import pytest
from sqlalchemy import text

from accord.clock import SystemClock
from accord.documents import State
from accord.records import Kind
from accord.systems.portal import Portal

OBLIO = "oblio/main"


@pytest.fixture
def engine(fresh, open_engine):
    return open_engine(fresh.portal())


@pytest.fixture
def portal(engine):
    return Portal(engine, SystemClock())


@pytest.mark.parametrize("state", State)
def test_a_state_is_plain_text_and_comes_back_equal(portal, engine, shops, state):
    portal.write(OBLIO, Kind.DOCUMENT, [(1, shops.document("d_1", state=state))])
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT state FROM invoices")) == state.value
    [(_, _, values)] = portal.read(OBLIO, Kind.DOCUMENT)
    assert values[portal.fields(Kind.DOCUMENT).index("state")] == state


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"state": State.ISSUED, "total": 12_100, "paid": 0}, 12_100),
        ({"state": State.PARTLY_PAID, "total": 12_100, "paid": 2_100}, 10_000),
        ({"state": State.ISSUED, "total": None, "paid": 0}, None),
        ({"state": State.ISSUED, "total": 12_100, "paid": None}, None),
        ({"state": State.PARTLY_PAID, "total": 12_100, "paid": None}, None),
        ({"state": State.UNKNOWN, "total": 12_100, "paid": 100}, None),
        ({"state": State.PAID, "total": 12_100, "paid": None}, 0),
        ({"state": State.CANCELLED, "total": 12_100, "paid": 0}, 0),
        ({"state": State.REVERSED, "total": 12_100, "paid": 0}, 0),
        ({"state": State.STORNO, "total": -12_100, "paid": 0}, 0),
        ({"state": State.DRAFT, "total": 12_100, "paid": 0}, 0),
    ],
)
def test_what_is_due_is_told_where_it_is_known_and_never_guessed(portal, engine, shops, fields, due):
    portal.write(OBLIO, Kind.DOCUMENT, [(1, shops.document("d_1", **fields, currency=None))])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, currency, due FROM invoices_due")).all() == [("d_1", None, due)]


def test_of_a_deleted_document_nothing_is_due(portal, engine, shops):
    portal.write(OBLIO, Kind.DOCUMENT, [(1, shops.document("d_1", deleted=True))])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM invoices_due")).all() == []


def test_the_parts_of_a_document_have_columns_of_their_own(portal, engine, shops):
    portal.write(OBLIO, Kind.DOCUMENT, [(1, shops.document("d_1"))])
    columns = "client_name, client_city, client_vat_id, issuer_vat_id, origins_json"
    with engine.connect() as connection:
        shown = connection.execute(text(f"SELECT {columns} FROM invoices")).one()
    assert tuple(shown[:-1]) == ("Client of d_1", "Iași", None, "RO123")
    assert shown[-1] == '{"exchange_rate":"unknown","total":"api"}'
