"""The archive on a local folder and on an S3 server."""

import hashlib
import json
import urllib.request
from pathlib import Path

import pytest

from accord.archive import open_archive
from accord.errors import Misconfigured, Refused, TryLater

PDF = b"%PDF-1.7\nan invoice\n"
DIGEST = hashlib.sha256(PDF).hexdigest()
NAME = f"pdf/{DIGEST[:2]}/{DIGEST}.pdf"
ABOUT = {"series": "ACC", "number": "0001", "issued_on": "2026-11-02"}
KEYS = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}


@pytest.fixture(scope="module")
def s3():
    """An S3 server with a bucket `papers`; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/papers", method="PUT"))
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def archive(request, tmp_path):
    if request.param == "folder":
        return open_archive(f"file://{tmp_path}/archive", {}, "the archive")
    options = KEYS | {"endpoint": request.getfixturevalue("s3")}
    return open_archive(f"s3://papers/{tmp_path.name}", options, "the archive")


def test_a_pdf_is_kept_under_a_name_of_its_content(archive):
    assert archive.keep(PDF, "oblio/main", "17", ABOUT) == NAME
    assert archive.read(NAME) == PDF


def test_the_same_pdf_twice_is_kept_once(archive):
    assert [archive.keep(PDF, "oblio/main", "17", ABOUT) for _ in range(2)] == [NAME] * 2
    assert archive.read(NAME) == PDF


def test_a_pdf_that_became_another_one_leaves_the_first(archive):
    other = archive.keep(PDF + b"edited", "oblio/main", "17", ABOUT)
    assert archive.keep(PDF, "oblio/main", "17", ABOUT) != other
    assert (archive.read(NAME), archive.read(other)) == (PDF, PDF + b"edited")


def test_beside_it_stands_what_it_is(tmp_path):
    open_archive(f"file://{tmp_path}", {}, "the archive").keep(PDF, "oblio/main", "17", ABOUT)
    note = json.loads((tmp_path / f"documents/oblio/main/17/{DIGEST}.json").read_bytes())
    assert note == {"connection": "oblio/main", "key": "17", "sha256": DIGEST, "size": len(PDF)} | ABOUT


@pytest.mark.parametrize("key", ["2026//12/1", "/12/1", "../12/1", "A\n/12/1", "SER Ț/12/1"])
def test_any_key_has_a_note(archive, key):
    assert archive.keep(PDF, "smartbill/main", key, ABOUT) == NAME


def test_what_was_damaged_is_noticed_and_never_written_over(tmp_path):
    archive = open_archive(f"file://{tmp_path}", {}, "the archive")
    archive.keep(PDF, "oblio/main", "17", ABOUT)
    (tmp_path / NAME).write_bytes(b"damaged")
    with pytest.raises(Refused, match=r"is not what was kept under that name; restore it from a backup"):
        archive.read(NAME)
    with pytest.raises(Refused, match="restore it"):
        archive.keep(PDF, "oblio/main", "17", ABOUT)
    assert (tmp_path / NAME).read_bytes() == b"damaged"


def test_what_is_gone_is_named(archive):
    with pytest.raises(Refused, match=f"the archive has no {NAME} any more"):
        archive.read(NAME)


@pytest.mark.parametrize(
    ("url", "options", "why"),
    [
        ("", {}, "must begin with file:///"),
        ("/var/lib/archive", {}, "must begin with file:///"),
        ("ftp://host/folder", {}, "must begin with file:///"),
        ("file://archive", {}, "must name an absolute folder"),
        ("s3://papers", {"acces_key": "secret"}, "has an option that a s3:// store does not know"),
        ("file:///proc/archive", {}, "can not be opened as it is"),
    ],
)
def test_a_wrong_address_is_told_with_what_to_do(url, options, why):
    with pytest.raises(Misconfigured, match=f"the archive {why}"):
        open_archive(url, options, "the archive")


def test_a_bucket_that_is_not_there_is_told(s3):
    archive = open_archive("s3://nowhere", KEYS | {"endpoint": s3}, "the archive")
    with pytest.raises(Misconfigured, match="make the bucket first"):
        archive.check()


def test_a_store_that_is_away_is_waited_for_and_its_credentials_are_not_told():
    archive = open_archive("s3://papers", KEYS | {"endpoint": "http://127.0.0.1:9"}, "the archive")
    with pytest.raises(TryLater) as error:
        archive.check()
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_store_that_can_not_be_written_is_no_loss(tmp_path):
    (tmp_path / "pdf").symlink_to("/dev/full")
    archive = open_archive(f"file://{tmp_path}", {}, "the archive")
    with pytest.raises((TryLater, Misconfigured)):
        archive.keep(PDF, "oblio/main", "17", ABOUT)
