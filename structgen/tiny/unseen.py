"""Tasks that the tiny model was never trained on: new schemas, new sentences; the instruction names the members.

Here plain decoding often breaks or invents members, so these tasks show what a constraint is worth. Same shapes as `tasks.TASKS`.
"""

from __future__ import annotations

from random import Random

from structgen.tiny import words as w
from structgen.tiny.records import CLOCK, DATE, TEXT, Made, few, obj, whole
from structgen.tiny.tasks import Task

__all__ = ["UNSEEN"]

_SCHEMAS = {
    "pet": obj({"pet": TEXT, "kind": {"enum": ["cat", "dog", "bird", "fish"]}, "age": whole(0, 30), "owner": TEXT}),
    "ticket": obj(
        {
            "film": TEXT,
            "row": {"type": "string", "pattern": "^[A-Z]$"},
            "seats": few(whole(1, 40), 1, 4),
            "start": CLOCK,
            "price": {"type": "number", "minimum": 0},
        }
    ),
    "weather": obj({"city": TEXT, "date": DATE, "temperature": {"type": "number"}, "rain": {"type": "boolean"}}),
    "loan": obj({"title": TEXT, "reader": obj({"name": TEXT, "card": {"type": "string", "pattern": "^[0-9]{4}$"}}), "weeks": whole(1, 12)}),
    "letter": obj(
        {"sender": TEXT, "receiver": obj({"name": TEXT, "city": TEXT}), "stamp": {"enum": [1, 2, 5, None]}, "fragile": {"type": "boolean"}}
    ),
}


def pet(rng: Random) -> Made:
    """An animal and who it belongs to."""
    name, kind, age, owner = w.first_name(rng), rng.choice(["cat", "dog", "bird", "fish"]), rng.randint(1, 15), w.full_name(rng)
    years = w.number_text(rng, age)
    texts = (f"{name} is a {kind}. It is {years} years old and belongs to {owner}.", f"{owner} has a {kind} called {name}, aged {years}.")
    return rng.choice(texts), {"pet": name, "kind": kind, "age": age, "owner": owner}


def ticket(rng: Random) -> Made:
    """Seats in a cinema."""
    film, row, (hour, minute), price = w.title(rng), rng.choice("ABCDEFGH"), w.clock(rng), rng.randint(8, 40) / 2
    first = rng.randint(1, 30)
    seats = list(range(first, first + rng.randint(1, 3)))
    price = int(price) if price == int(price) else price
    text = f"{film} at {w.clock_text(rng, hour, minute)}, row {row}, seats {w.listed(rng, [str(s) for s in seats])}, {price} dollars."
    return text, {"film": film, "row": row, "seats": seats, "start": f"{hour:02d}:{minute:02d}", "price": price}


def weather(rng: Random) -> Made:
    """The weather of a day."""
    place, date, degrees, rain = w.city(rng), w.day(rng), rng.randint(-15, 38), rng.random() < 0.5
    shown = f"minus {-degrees}" if degrees < 0 else str(degrees)
    text = f"In {place} it was {shown} degrees on {w.day_text(rng, date)}. {'It rained.' if rain else 'It stayed dry.'}"
    return text, {"city": place, "date": date.isoformat(), "temperature": degrees, "rain": rain}


def loan(rng: Random) -> Made:
    """A book lent by a library."""
    name, who, card, weeks = w.title(rng), w.full_name(rng), f"{rng.randrange(10000):04d}", rng.randint(1, 9)
    text = f"{who} (card {card}) borrowed {name} for {w.number_text(rng, weeks)} weeks."
    return text, {"title": name, "reader": {"name": who, "card": card}, "weeks": weeks}


def letter(rng: Random) -> Made:
    """A letter with or without a stamp."""
    sender, who, place, stamp, fragile = w.first_name(rng), w.full_name(rng), w.city(rng), rng.choice([1, 2, 5, None]), rng.random() < 0.5
    paid = f"It has a stamp of {stamp} dollars." if stamp else "It has no stamp."
    text = f"{sender} writes to {who} in {place}. {paid}{' It is fragile.' if fragile else ''}"
    return text, {"sender": sender, "receiver": {"name": who, "city": place}, "stamp": stamp, "fragile": fragile}


UNSEEN: dict[str, Task] = {
    make.__name__: Task(
        make.__name__,
        "json",
        make,
        (
            f"Write JSON with {', '.join(_SCHEMAS[make.__name__]['properties'])}.",
            f"Extract {', '.join(_SCHEMAS[make.__name__]['properties'])} as JSON.",
        ),
        schema=_SCHEMAS[make.__name__],
    )
    for make in (pet, ticket, weather, loan, letter)
}
