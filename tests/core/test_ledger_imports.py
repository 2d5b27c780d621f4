"""What a person gave of a connection's records: the latest of each, encrypted, each connection's apart."""

from accord.ledger import imports, schema


def test_the_latest_of_each_name_is_kept(new_ledger):
    ledger = new_ledger()

    def put(of, **bodies):
        ledger.write(lambda c: imports.put(c, ledger.cipher, of, bodies))

    put("smartbill/eu", a=b"one", b=b"two")
    put("smartbill/eu", a=b"three")
    put("smartbill/us", a=b"another")
    put("smartbill/us")
    kept = ledger.read(lambda c: imports.load(c, ledger.cipher, "smartbill/eu", ["a", "b", "c"]))
    assert kept == {"a": b"three", "b": b"two"}
    bodies = ledger.read(lambda c: list(c.scalars(schema.imports.select().with_only_columns(schema.imports.c.body))))
    assert len(bodies) == 3
    assert not any(b"three" in body for body in bodies)
