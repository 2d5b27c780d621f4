import pytest

from accord.sandbox.stripe.signing import header

# Computed with the standard library and checked against Stripe's own libraries.
SECRET_A = "whsec_unit_test_secret_A"
SECRET_B = "whsec_unit_test_secret_B"
MOMENT = 1767225600
BODY = (
    '{"id":"evt_test_0001","object":"event","api_version":"2026-10-28.endive","created":1767225599,"livemode":false,'
    '"type":"refund.updated","data":{"object":{"id":"re_test_0001","object":"refund","amount":1250,"currency":"eur",'
    '"status":"succeeded"},"previous_attributes":{"status":"pending"}}}'
)
SIGNED_A = "a3056c6c9cd7f1ab8fe99e46660ae684c0ee0c4d558a3e21bdcd793a99c5bbb1"
SIGNED_B = "224825bf834c556fa1986c730666665b521a58dbe76a9e78c198eb72a607cfaf"
BODY_UTF8 = '{"id":"evt_test_0002","note":"café € Č"}'
SIGNED_UTF8 = "af6529be954953bdc72c301ea6e323a9f44c00bb9d52f1aa69c94b1bc4328404"


def test_one_secret():
    assert header(BODY.encode(), [SECRET_A], MOMENT) == f"t={MOMENT},v1={SIGNED_A}"


def test_two_secrets_while_rolling_the_new_one_first():
    assert header(BODY.encode(), [SECRET_B, SECRET_A], MOMENT) == f"t={MOMENT},v1={SIGNED_B},v1={SIGNED_A}"


def test_the_bytes_are_signed_not_the_characters():
    assert header(BODY_UTF8.encode(), [SECRET_A], MOMENT) == f"t={MOMENT},v1={SIGNED_UTF8}"


@pytest.mark.parametrize("secrets", [[], [""], [SECRET_A, ""]])
def test_an_empty_secret_signs_nothing(secrets):
    with pytest.raises(ValueError, match="secret"):
        header(b"{}", secrets, MOMENT)
