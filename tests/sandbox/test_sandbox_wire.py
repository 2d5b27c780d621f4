"""What only shows on a real connection: closed ones, drips, the ready line, the page."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from accord.errors import Misconfigured
from accord.sandbox.__main__ import main
from accord.sandbox.app import create
from accord.sandbox.serve import serve, served

BEARER = {"authorization": "Bearer sk_test_sandbox_full"}
URL = "/stripe/v1/payment_intents"
FORM = {"amount": "1000", "currency": "eur"}


@pytest.fixture(scope="module")
def base():
    with served(create(payments=60)) as address:
        yield address


@pytest.fixture
def http(base):
    with httpx.Client(base_url=base, headers=BEARER, timeout=5) as client:
        yield client
        client.delete("/stripe/_admin/faults")


def switch(http, **fault):
    http.post("/stripe/_admin/faults", json=fault).raise_for_status()


def count(http):
    return http.get("/stripe/_admin/truth").json()["counts"]["payment_intents"]


@pytest.mark.parametrize(("kind", "done"), [("drop_before", 0), ("drop_answer", 1)])
def test_a_closed_connection_without_an_answer(http, kind, done, caplog):
    before = count(http)
    switch(http, kind=kind, method="POST")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post(URL, data=FORM)
    assert count(http) == before + done
    assert http.post(URL, data=FORM).status_code == 200
    assert caplog.records == []


def test_a_connection_closed_in_the_middle(http, caplog):
    switch(http, kind="drop_midway")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        http.get("/stripe/v1/charges")
    assert http.get("/stripe/v1/charges").status_code == 200
    assert caplog.records == []


def test_a_dripping_body_arrives_bit_by_bit(http):
    switch(http, kind="drip", seconds=0.01)
    pieces = []
    with http.stream("GET", "/stripe/v1/account") as answer:
        for piece in answer.iter_raw():
            pieces.append(piece)
    assert len(pieces) > 5
    assert b"".join(pieces) == http.get("/stripe/v1/account").content


def test_a_drip_outlasts_a_client_that_leaves(http, base):
    switch(http, kind="drip", seconds=1)
    with http.stream("GET", "/stripe/v1/charges") as answer:
        assert next(answer.iter_raw())
    assert httpx.get(f"{base}/stripe/v1/charges", headers=BEARER).status_code == 200


def test_a_bomb_over_the_wire_is_half_a_megabyte(http):
    switch(http, kind="gzip_bomb")
    with http.stream("GET", "/stripe/v1/charges") as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert sum(len(piece) for piece in answer.iter_raw()) == int(answer.headers["content-length"]) < 1_000_000


def test_redirects_and_big_requests(http):
    switch(http, kind="redirect")
    assert http.get("/stripe/v1/charges").is_redirect
    assert http.post(URL, content=b"x" * 1_100_000).status_code == 413


def test_the_front_page_says_what_there_is(http, base):
    http.post("/stripe/v1/customers", data={"name": "<script>alert(1)</script>"})
    switch(http, kind="lag", path='/v1/"><b>')
    answer = http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    for text in (f"{base}/stripe", "sk_test_sandbox_full", "rk_test_sandbox_read", "drop_answer", "pm_card_visa"):
        assert text in answer.text
    assert "<b>" not in answer.text
    assert "&lt;b&gt;" in answer.text
    link = answer.text.partition('href="/stripe/_admin/lists/charges')[2].partition('"')[0].replace("&amp;", "&")
    assert http.get(f"/stripe/_admin/lists/charges{link}", headers={"authorization": ""}).json()["object"] == "list"


def test_only_this_machine_can_reach_it():
    for host in ("0.0.0.0", "192.0.2.1", "example.test"):
        with pytest.raises(Misconfigured, match="loopback"):
            serve(0, host, app=create(payments=0))


def test_a_taken_port_is_named(base, capsys):
    port = base.rpartition(":")[2]
    assert main(["--port", port, "--payments", "0"]) == 2
    assert port in capsys.readouterr().err


def test_the_portal_s_page_shows_the_database_that_is_named(tmp_path):
    command = [sys.executable, "-m", "accord.sandbox", "--payments", "0", "--portal-database", str(tmp_path / "p.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, port = process.stdout.readline().split()
            page = httpx.get(f"http://127.0.0.1:{port}/portal/").text
        finally:
            process.terminate()
    assert f"{tmp_path / 'p.db'} is no portal database, or not yet" in page


def test_it_starts_in_two_seconds_and_keeps_its_state(tmp_path):
    state = tmp_path / "sandbox.json"
    command = [sys.executable, "-m", "accord.sandbox", "--port", "0", "--state", str(state)]
    ids = []
    for stop in (signal.SIGTERM, signal.SIGINT):
        begun = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                word, port = process.stdout.readline().split()
                took = time.monotonic() - begun
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=BEARER) as client:
                    if not ids:
                        client.post(URL, data=FORM).raise_for_status()
                    ids.append(client.get(URL).json()["data"][0]["id"])
            finally:
                os.kill(process.pid, stop)
                errors = process.communicate(timeout=10)[1]
        assert (word, errors) == ("READY", "")
        assert took < 10  # two seconds on a machine of its own; the tests share theirs
    assert ids[0] == ids[1]
