"""Goods take shares of their order's value with them: whatever moves, nothing is lost, and the last takes the rest."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pytest

from schemas.inventory.stock import Moves
from store.engine import Database
from store.finance import valuation
from store.inventory import ledger
from store.inventory.valuing import CENT_OF_A_CENT, Held, Worth, shares
from tests import written
from tests.store.rows import KEY, open_order

SITE, OTHER, CUSTOMER = "on_hand:LYS", "on_hand:PAR", "customer:"
SEEDS = 200


class Books:
    """The books of one item: what each movement books comes on top of what the ones before have left."""

    def __init__(self, value: str, packs: int) -> None:
        self.worth = Worth(Decimal(value), packs)
        self.held: dict[str, Held] = {}

    def move(self, packs: int, left: str, there: str) -> None:
        """Move packs from one place to another."""
        moved = {left: -packs, there: packs}
        amounts = shares(self.worth, self.held, moved)
        assert sum(amounts.values()) == 0
        for place, amount in amounts.items():
            known = self.held.get(place, Held(0, Decimal(0)))
            self.held[place] = Held(known.packs + moved[place], known.amount + amount)

    def amount(self, place: str) -> Decimal:
        """What a place has, or has given."""
        return self.held[place].amount


@pytest.mark.parametrize(
    ("value", "packs", "parts"),
    [("10000", 3_000_000, 3), ("40", 1_000_000, 7), ("100", 3, 3), ("0.0001", 3, 3), ("999999999999.9999", 7, 7)],
)
def test_the_shares_of_an_order_are_its_value_to_the_last_digit(value: str, packs: int, parts: int) -> None:
    books, each = Books(value, packs), packs // parts
    for n in range(parts):
        books.move(each if n < parts - 1 else packs - each * n, SITE if n % 2 else OTHER, f"transit:DN-{n}")
    assert sum(books.amount(f"transit:DN-{n}") for n in range(parts)) == Decimal(value)
    for n in reversed(range(parts)):
        books.move(books.held[f"transit:DN-{n}"].packs, f"transit:DN-{n}", CUSTOMER)
        assert books.held[f"transit:DN-{n}"] == Held(0, Decimal(0)), "a shipment that has arrived carries nothing"
    assert books.amount(CUSTOMER) == Decimal(value)
    assert books.amount(SITE) + books.amount(OTHER) == -Decimal(value)


def test_whatever_moves_a_place_without_packs_has_no_value_and_all_is_the_value_of_what_left() -> None:
    for seed in range(SEEDS):
        chance = Random(seed)
        packs = chance.randint(2, 12)
        value = Decimal(chance.randint(0, 10_000)) / 100
        books, inside = Books(str(value), packs), [f"transit:{n}" for n in range(3)] + [CUSTOMER, "returns:LYS"]
        for _ in range(30):
            left = Counter({place: it.packs for place, it in books.held.items() if it.packs > 0})
            out = -sum(it.packs for it in books.held.values() if it.packs < 0)
            if out < packs and (not left or chance.random() < 0.4):
                books.move(chance.randint(1, packs - out), chance.choice((SITE, OTHER)), chance.choice(inside))
            else:
                place = chance.choice(sorted(left))
                books.move(chance.randint(1, left[place]), place, chance.choice([x for x in inside if x != place]))
            held = [it for it in books.held.values() if it.packs >= 0]
            assert [it for it in held if not it.packs and it.amount] == []
            out = sum(it.packs for it in held)
            assert sum(it.amount for it in held) == (value * out / packs).quantize(CENT_OF_A_CENT, ROUND_HALF_UP)


async def test_the_ledger_posts_shares(database: Database) -> None:
    await open_order(database)
    moves: list[Moves] = [{SITE: {"A": -1}, f"transit:DN-{n}": {"A": 1}} for n in range(3)]
    moves += [{f"transit:DN-{n}": {"A": -1}, CUSTOMER: {"A": 1}} for n in range(3)]
    async with database.transaction() as connection:
        await ledger.set_values(connection, KEY, "USD", {"A": Worth(Decimal(100), 3)})
        for n, it in enumerate(moves, 1):
            booking = written.booking(f"{KEY}/v{n}", "order", KEY, it)
            await ledger.post_movements(connection, booking._replace(base=n - 1, version=n, upto=n))
            if n == 3:
                [row] = [x for x in await valuation.accounts(connection) if x["account"] == "goods_in_transit"]
                assert row["amount"] == 100
        found = {row["account"]: row["amount"] for row in await valuation.accounts(connection)}
        assert await valuation.disagreements(connection) == []
    assert found == {"inventory": -100, "cost_of_goods_sold": 100}
