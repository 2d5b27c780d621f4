import pytest

from accord.sandbox.forms import Malformed, decode


def test_brackets_make_groups_and_lists():
    text = "amount=5&metadata[order]=a%26b&items[1][price]=p1&items[0][price]=p0&expand[]=x&expand[]=y&empty="
    assert decode(text) == {
        "amount": "5",
        "metadata": {"order": "a&b"},
        "items": [{"price": "p0"}, {"price": "p1"}],
        "expand": ["x", "y"],
        "empty": "",
    }


def test_the_last_of_two_equal_names_counts():
    assert decode("a=1&a=2") == {"a": "2"}


def test_list_positions_are_numbers_not_texts():
    assert decode("&".join(f"i[{n}]={n}" for n in range(11))) == {"i": [str(n) for n in range(11)]}


@pytest.mark.parametrize("text", ["a[b=1", "a]=1", "=1", "a=1&a[b]=2", "a[b]=2&a=1", "a" + "[b]" * 9 + "=1", "a=%ff"])
def test_what_can_not_be_read_is_refused(text):
    with pytest.raises(Malformed):
        decode(text)


def test_too_many_fields_are_refused():
    with pytest.raises(Malformed):
        decode("&".join(f"a{n}=1" for n in range(2_001)))
