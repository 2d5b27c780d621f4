"""What people do at the source while the workers work."""

from collections.abc import Callable

from model_stripe import UNFIT, ModelStripe, Thing, _leg, dispute, new_customer, new_payment, refund

from accord.records import Customer, Kind, Payment


def _customer(model: ModelStripe) -> None:
    new_customer(model)


def _payment(model: ModelStripe) -> None:
    payer = model.pick(Kind.CUSTOMER) if model.rng.random() < 0.8 else None
    new_payment(model, payer.record.key if payer else None)


def _adopt(model: ModelStripe) -> None:
    """A guest's payment is given a customer."""
    guests = [thing for thing in model.live(Kind.PAYMENT) if not thing.record.customer]  # type: ignore[union-attr]
    payer = model.pick(Kind.CUSTOMER)
    if guests and payer and not payer.poison:
        model.change(model.rng.choice(guests), customer=payer.record.key)
        model.note("guest becomes a customer")


def _refund(model: ModelStripe) -> None:
    if paid := model.pick(Kind.PAYMENT):
        refund(model, paid)


def _dispute(model: ModelStripe) -> None:
    if Kind.DISPUTE in model.kinds and (paid := model.pick(Kind.PAYMENT)):
        dispute(model, paid)


def _rename(model: ModelStripe) -> None:
    if thing := model.pick(Kind.CUSTOMER):
        model.change(thing, name=model.rng.choice("BCDE"))


def _flip(model: ModelStripe) -> None:
    """There and back, at once or over time."""
    if thing := model.pick(Kind.CUSTOMER):
        assert isinstance(thing.record, Customer)
        other = {"A": "B", "B": "A"}.get(str(thing.record.name), "A")
        model.change(thing, name=other)
        model.note("flip")


def _status(model: ModelStripe) -> None:
    kind = model.rng.choice([kind for kind in (Kind.DISPUTE, Kind.REFUND) if kind in model.kinds])
    if thing := model.pick(kind):
        model.change(thing, status=model.rng.choice(["pending", "succeeded", "won", "lost"]))


def _delete(model: ModelStripe) -> None:
    if len(model.live(Kind.CUSTOMER)) > 2 and (thing := model.pick(Kind.CUSTOMER)):
        model.delete(thing)


def _poison(model: ModelStripe) -> None:
    kind = model.rng.choice([Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG])
    if kind is Kind.LEG:  # a leg never changes: one that can not be read was so from the beginning
        _house(model)
        model.note("poison")
        list(model.things[kind].values())[-1].poison = True
        return
    thing = model.pick(kind)
    if thing is None or thing.unsound:
        return
    if isinstance(thing.record, Payment) and model.rng.random() < 0.5:
        thing.rejected = True
        model.note("refused by the check")
        model.change(thing, captured=-1)
        return
    thing.poison = True
    model.note("poison")
    model.change(thing)


def _spoil(model: ModelStripe) -> None:
    """A customer that can be read becomes one that can not, or the other way round."""
    thing = model.pick(Kind.CUSTOMER)
    if thing is not None and thing.poison:
        _healed(model, thing)
    elif thing is not None:
        thing.poison = True
        model.note("poison")
        model.change(thing)


def _heal(model: ModelStripe) -> None:
    for kind in model.kinds:
        for thing in model.live(kind):
            if thing.unsound and model.rng.random() < 0.5:
                _healed(model, thing)
                return


def _healed(model: ModelStripe, thing: Thing) -> None:
    model.note("healed")
    thing.poison = False
    if thing.unfit:
        model.change(thing, name="B")
    elif thing.record.kind is Kind.LEG:
        thing.body = b""
        model.untold += 1
    elif thing.rejected:
        thing.rejected = False
        assert isinstance(thing.record, Payment)
        model.change(thing, captured=thing.record.amount)
    else:
        model.change(thing)


def _repel(model: ModelStripe) -> None:
    """A customer gets a name that the target's database refuses."""
    if (thing := model.pick(Kind.CUSTOMER)) and not thing.unsound:
        model.note("refused by the target")
        model.change(thing, name=UNFIT)


def _stick(model: ModelStripe) -> None:
    """Something changes, and can not be fetched by itself any more."""
    thing = model.pick(model.rng.choice([Kind.CUSTOMER, Kind.PAYMENT]))
    if thing is not None:
        thing.stuck = True
        model.note("stuck")
        model.change(thing)


def _house(model: ModelStripe) -> None:
    _leg(model, model.rng.choice(["stripe_fee", "payout"]), None, -model.rng.randrange(1, 500))


def _hide(model: ModelStripe) -> None:
    """A list leaves something out for a while, although it is there."""
    thing = model.pick(model.rng.choice([Kind.CUSTOMER, Kind.PAYMENT]))
    if thing is not None:
        thing.hidden_until = model.now() + model.rng.choice((10, 300, 5000))
        model.untold += 1  # a first reading may miss it
        model.note("left out of a list")


def _vanish(model: ModelStripe) -> None:
    """Lists of a kind come back empty for a while."""
    for thing in model.live(Kind.CUSTOMER):
        thing.hidden_until = model.now() + 300
    model.untold += 1
    model.note("empty list")


def _misread(model: ModelStripe) -> None:
    """The source changes how a kind looks, and the parser can not read it any more."""
    model.misread = model.rng.choice([Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG, Kind.LEG])
    model.note("unreadable kind")


CHANGE: dict[str, Callable[[ModelStripe], None]] = {
    "customer": _customer,
    "payment": _payment,
    "adopt": _adopt,
    "refund": _refund,
    "dispute": _dispute,
    "rename": _rename,
    "status": _status,
    "delete": _delete,
    "flip": _flip,
    "poison": _poison,
    "heal": _heal,
    "spoil": _spoil,
    "leg": _house,
    "repel": _repel,
    "stick": _stick,
    "hide": _hide,
    "vanish": _vanish,
    "misread": _misread,
}
