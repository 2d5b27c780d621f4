"""What the demo keeps and tells its parts, before anything is started."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from accord import settings
from accord.errors import Misconfigured
from deployments.demo import demo
from deployments.demo_home import Place

SERVER_ONLY = {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_ENCRYPTION_KEY"}
CLIENT_ONLY = {"PREFECT_API_AUTH_STRING", settings.LEDGER_URL, settings.LEDGER_KEY}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, 4200, 4300)


def test_each_part_is_told_the_secrets_that_it_needs_and_no_other(place: Place) -> None:
    server, client = place.server(), place.client()
    assert server.keys() >= SERVER_ONLY
    assert not server.keys() & CLIENT_ONLY
    assert client.keys() >= CLIENT_ONLY
    assert not client.keys() & SERVER_ONLY
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == client["PREFECT_API_AUTH_STRING"]
    Fernet(server["PREFECT_SERVER_ENCRYPTION_KEY"])


def test_secrets_are_kept_between_starts_for_their_owner_alone(place: Place, tmp_path: Path) -> None:
    before = place.server(), place.client()
    assert (place.server(), place.client()) == before
    made = list(tmp_path.iterdir())
    assert {path.name for path in made} == {"prefect.password", "prefect.key", "ledger.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_two_homes_share_no_secret(tmp_path: Path) -> None:
    one, other = (Place(tmp_path / name, 4200, 4300) for name in ("one", "other"))
    for place in (one, other):
        place.home.mkdir()
    secret = [key for key in one.server() | one.client() if key in SERVER_ONLY | CLIENT_ONLY]
    told, others = one.server() | one.client(), other.server() | other.client()
    assert [key for key in secret if told[key] == others[key]] == []


def test_a_home_whose_server_had_no_login_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "accord-demo").touch()
    (tmp_path / "prefect").mkdir()
    with pytest.raises(Misconfigured, match="--reset"):
        demo(tmp_path, stay=False, as_json=False, reset=False)
    assert {path.name for path in tmp_path.iterdir()} == {"accord-demo", "prefect"}
