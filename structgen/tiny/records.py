"""The tasks whose answer is JSON: a schema, and a function that invents a value and an English text that says it.

Each `make(rng)` returns `(text, value)`; `value` has its members in the order of the schema's `properties`, and `SCHEMAS[name]`
accepts it. Optional members are left out where the text does not mention them. `RECORDS` maps each name to
`(instructions, make)`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from structgen.tiny import words as w

Schema = dict[str, Any]
Made = tuple[str, Any]


def obj(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a closed object whose properties are required unless named in `optional`."""
    required = [key for key in properties if key not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 60}
DATE: Schema = {"type": "string", "format": "date"}
CLOCK: Schema = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


def whole(low: int, high: int) -> Schema:
    """Return the schema of an integer in a closed range."""
    return {"type": "integer", "minimum": low, "maximum": high}


def few(items: Schema, low: int, high: int) -> Schema:
    """Return the schema of an array with `low` to `high` items."""
    return {"type": "array", "items": items, "minItems": low, "maxItems": high}


SCHEMAS: dict[str, Schema] = {
    "person": obj(
        {"name": TEXT, "age": whole(0, 120), "job": TEXT, "city": TEXT, "email": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"}},
        optional=("job", "city", "email"),
    ),
    "order": obj(
        {
            "id": {"type": "string", "pattern": "^[A-Z]-[0-9]{4}$"},
            "customer": TEXT,
            "items": few(obj({"product": TEXT, "quantity": whole(1, 99), "price": {"type": "number", "minimum": 0}}), 1, 4),
            "status": {"enum": ["new", "paid", "shipped", "cancelled"]},
        }
    ),
    "event": obj({"title": TEXT, "date": DATE, "start": CLOCK, "place": TEXT, "guests": few(TEXT, 0, 5)}),
    "address": obj(
        {
            "street": TEXT,
            "number": whole(1, 999),
            "city": TEXT,
            "postcode": {"type": "string", "pattern": "^[0-9]{5}$"},
            "country": {"enum": w.COUNTRIES},
        },
        optional=("country",),
    ),
    "book": obj(
        {
            "title": TEXT,
            "author": TEXT,
            "year": whole(1500, 2030),
            "pages": {"anyOf": [whole(1, 5000), {"type": "null"}]},
            "genres": few({"enum": ["fantasy", "history", "poetry", "travel", "science", "crime"]}, 1, 3),
        }
    ),
    "recipe": obj(
        {
            "dish": TEXT,
            "serves": whole(1, 12),
            "ingredients": few(
                obj({"item": TEXT, "amount": {"type": "number", "minimum": 0}, "unit": {"enum": ["g", "ml", "cup", "spoon", "piece"]}}),
                1,
                4,
            ),
            "steps": few(TEXT, 1, 4),
        }
    ),
    "sensor": obj(
        {
            "sensor": {"type": "string", "pattern": "^[a-z]+-[0-9]+$"},
            "kind": {"enum": ["temperature", "humidity", "pressure", "light"]},
            "value": {"type": "number"},
            "unit": {"enum": ["C", "%", "hPa", "lux"]},
            "at": {"type": "string", "format": "time"},
            "alarm": {"type": "boolean"},
        }
    ),
    "message": obj({"from": TEXT, "to": few(TEXT, 1, 3), "text": {"type": "string", "maxLength": 80}, "urgent": {"type": "boolean"}}),
    "shape": {
        "anyOf": [
            obj({"shape": {"const": "circle"}, "centre": {"$": 0}, "radius": whole(1, 99), "colour": {"enum": w.COLOURS}}),
            obj({"shape": {"const": "rectangle"}, "centre": {"$": 0}, "size": {"$": 0}, "colour": {"enum": w.COLOURS}}),
        ]
    },
    "team": obj({"team": TEXT, "lead": obj({"name": TEXT, "age": whole(0, 120)}), "members": few(obj({"name": TEXT, "job": TEXT}), 1, 3)}),
    "product": obj(
        {
            "name": TEXT,
            "price": obj({"amount": {"type": "number", "minimum": 0}, "currency": {"enum": ["USD", "EUR", "GBP", "JPY"]}}),
            "colours": few({"enum": w.COLOURS}, 1, 3),
            "in_stock": {"type": "boolean"},
        }
    ),
    "flight": obj(
        {"from": TEXT, "to": TEXT, "date": DATE, "seats": whole(1, 9), "class": {"enum": ["economy", "business", "first"]}, "return": DATE},
        optional=("return",),
    ),
}
PAIR: Schema = {"type": "array", "prefixItems": [whole(0, 99), whole(0, 99)], "items": False, "minItems": 2}
for _branch in SCHEMAS["shape"]["anyOf"]:
    for _key, _part in _branch["properties"].items():
        if "$" in _part:
            _branch["properties"][_key] = PAIR


def _said(rng: Random, name: str, clauses: list[str]) -> str:
    """Say several things about one subject, in any order, in one sentence or several."""
    rng.shuffle(clauses)
    if len(clauses) == 1 or rng.random() < 0.6:
        return f"{name} {w.listed(rng, clauses)}."
    cut = rng.randint(1, len(clauses) - 1)
    who = "This person" if "-year-old" in name else name.split(maxsplit=1)[0]
    return f"{name} {w.listed(rng, clauses[:cut])}. {who} {w.listed(rng, clauses[cut:])}."


def person(rng: Random) -> Made:
    """A person with an age and perhaps a job, a city and an address for mail."""
    name, age = w.full_name(rng) if rng.random() < 0.7 else w.first_name(rng), rng.randint(3, 98)
    value: Schema = {"name": name, "age": age}
    value |= {key: _person_part(rng, key, name) for key, p in (("job", 0.75), ("city", 0.75), ("email", 0.4)) if rng.random() < p}
    said = {"job": ("works as {a}", "has a job as {a}"), "city": ("lives in {}", "comes from {}", "has a flat in {}")}
    said["email"] = ("can be reached at {}", "reads mail at {}", "uses the address {}")
    clauses = [rng.choice(said[key]).format(value[key], a=w.a(value[key])) for key in said if key in value]
    aged, way = w.number_text(rng, age), rng.randrange(4)
    if way == 0:
        return _said(rng, f"{aged.capitalize()}-year-old {name}", clauses or ["is here"]), value
    if way == 1:
        return f"{name}, {aged}, {w.listed(rng, clauses or ['is here'])}.", value
    return _said(rng, name, [*clauses, rng.choice(["is {} years old", "turned {}", "has the age of {}"]).format(aged)]), value


def _person_part(rng: Random, key: str, name: str) -> str:
    if key == "job":
        return rng.choice(w.JOBS)
    if key == "city":
        return w.city(rng)
    plain = "".join(c for c in name.lower().split()[0] if c.isascii()) or "me"
    return f"{plain}{rng.choice(['', rng.randint(1, 99), '.' + w.syllables(rng, 1)])}@{rng.choice(w.HOSTS)}"


def order(rng: Random) -> Made:
    """An order with one to three items, each with quantity and price."""
    items, parts = [], []
    for product in dict.fromkeys(w.thing(rng) for _ in range(rng.choice([1, 1, 2, 2, 3]))):
        quantity = rng.randint(1, 12)
        price: float = rng.randint(1, 90) if rng.random() < 0.4 else rng.randint(100, 9999) / 100
        items.append({"product": product, "quantity": quantity, "price": price})
        count = w.number_text(rng, quantity, 0.5)
        parts.append(f"{count} {product}{'' if quantity == 1 else 's'} at {price} {'each' if quantity > 1 else 'dollars'}")
    who, number = w.full_name(rng), f"{rng.choice('ABCDEFKMPRSTX')}-{rng.randrange(10000):04d}"
    status = rng.choice(["new", "paid", "shipped", "cancelled"])
    state = {"new": "It is new", "paid": "It has been paid", "shipped": "It was shipped", "cancelled": "It was cancelled"}[status]
    shapes = (
        f"Order {number}: {who} bought {w.listed(rng, parts)}. {state}.",
        f"{who} ordered {w.listed(rng, parts)}. {state}. The order number is {number}.",
        f"In order {number} there are {w.listed(rng, parts)} for {who}. {state}.",
    )
    return rng.choice(shapes), {"id": number, "customer": who, "items": items, "status": status}


def event(rng: Random) -> Made:
    """An event with date, time, place and guests."""
    kinds = ["chess", "book", "cooking", "film", "running", "music", "garden", "poetry", "science", "travel"]
    name = f"{rng.choice(kinds)} {rng.choice(['club', 'night', 'meetup', 'workshop', 'party', 'course'])}"
    date, (hour, minute), place = w.day(rng), w.clock(rng), w.city(rng)
    guests = list(dict.fromkeys(w.first_name(rng) for _ in range(rng.choice([0, 1, 2, 2, 3]))))
    when, at = w.day_text(rng, date), w.clock_text(rng, hour, minute)
    come = f" {w.listed(rng, guests)} will come." if guests else rng.choice(["", " Nobody has signed up."])
    shapes = (
        f"The {name} is on {when} at {at} in {place}.{come}",
        f"Join us in {place} for the {name}, {when}, {at}.{come}",
        f"On {when} the {name} starts at {at}. Place: {place}.{come}",
    )
    return rng.choice(shapes), {
        "title": name,
        "date": date.isoformat(),
        "start": f"{hour:02d}:{minute:02d}",
        "place": place,
        "guests": guests,
    }


def address(rng: Random) -> Made:
    """A postal address, often with a country."""
    street, number, place = f"{rng.choice(w.STREETS)} {rng.choice(w.STREET_KINDS)}", rng.randint(1, 250), w.city(rng)
    if rng.random() < 0.3:
        street = f"{w.last_name(rng)} {rng.choice(w.STREET_KINDS)}"
    postcode, country = f"{rng.randrange(100000):05d}", rng.choice(w.COUNTRIES)
    value: Schema = {"street": street, "number": number, "city": place, "postcode": postcode}
    tail = ""
    if rng.random() < 0.6:
        value["country"], tail = country, f", {country}"
    shapes = (
        f"{number} {street}, {place} {postcode}{tail}",
        f"{w.full_name(rng)} lives at {number} {street} in {place}{tail}, postcode {postcode}.",
        f"Send it to number {number}, {street}, {postcode} {place}{tail}.",
        f"The house stands in {place}{tail}: {street} {number}, {postcode}.",
    )
    return rng.choice(shapes), value


def book(rng: Random) -> Made:
    """A book; the number of pages may be unknown."""
    name, who, year = w.title(rng), w.full_name(rng), rng.randint(1890, 2025)
    genres = rng.sample(["fantasy", "history", "poetry", "travel", "science", "crime"], rng.choice([1, 1, 2, 3]))
    pages = rng.randint(40, 990) if rng.random() < 0.7 else None
    long = f"It has {w.number_text(rng, pages, 0.2)} pages." if pages else rng.choice(["The number of pages is unknown.", ""])
    kind = f"{w.listed(rng, genres)} book"
    shapes = (
        f"{who} wrote {name} in {year}, {w.a(kind)}. {long}",
        f'"{name}" by {who} ({year}) is about {w.listed(rng, genres)}. {long}',
        f"In {year} {who} published {name}. {long} Genre: {w.listed(rng, genres)}.",
    )
    return rng.choice(shapes).strip(), {"title": name, "author": who, "year": year, "pages": pages, "genres": genres}


def recipe(rng: Random) -> Made:
    """A short recipe with amounts and steps."""
    names = rng.sample(w.INGREDIENTS, rng.choice([1, 2, 2, 3]))
    dish, serves = f"{names[0]} {rng.choice(w.DISHES)}", rng.randint(1, 8)
    spoken = {"g": "grams of", "ml": "millilitres of", "cup": "cups of", "spoon": "spoons of", "piece": "pieces of"}
    parts, items = [], []
    for name in names:
        unit = rng.choice(list(spoken))
        amount: float = rng.randint(1, 20) * 25 if unit in {"g", "ml"} else rng.choice([2, 3, 4, 5, 1.5, 2.5])
        parts.append(f"{amount} {spoken[unit]} {name}")
        items.append({"item": name, "amount": amount, "unit": unit})
    steps = [f"{rng.choice(w.VERBS)} the {name}" for name in rng.sample(names, rng.randint(1, len(names)))]
    if rng.random() < 0.5:
        steps.append(f"bake for {5 * rng.randint(2, 12)} minutes")
    shapes = (
        f"For {dish} for {w.number_text(rng, serves, 0.6)} take {w.listed(rng, parts)}. Then {', then '.join(steps)}.",
        f"{dish.capitalize()} (serves {w.number_text(rng, serves)}): {w.listed(rng, parts)}. First {', then '.join(steps)}.",
    )
    return rng.choice(shapes), {"dish": dish, "serves": serves, "ingredients": items, "steps": steps}


def sensor(rng: Random) -> Made:
    """A reading of a sensor at a time of day, perhaps with an alarm."""
    kind, unit, said = rng.choice(
        [("temperature", "C", "degrees"), ("humidity", "%", "percent"), ("pressure", "hPa", "hectopascal"), ("light", "lux", "lux")]
    )
    value: float = {
        "C": rng.randint(-300, 450),
        "%": rng.randint(50, 1000),
        "hPa": rng.randint(9500, 10500),
        "lux": rng.randint(100, 9000),
    }[unit] / 10
    if rng.random() < 0.4:
        value = int(value)
    name, alarm = f"{rng.choice(w.ROOMS)}-{rng.randint(1, 40)}", rng.random() < 0.4
    hour, minute = w.clock(rng)
    at, shown = w.clock_text(rng, hour, minute), f"minus {-value}" if value < 0 else f"{value}"
    sounds = rng.choice(["The alarm sounds.", "It raised an alarm.", "Alarm!"] if alarm else ["No alarm.", "All is well.", ""])
    shapes = (
        f"Sensor {name} measured a {kind} of {shown} {said} at {at}. {sounds}",
        f"At {at} the {kind} at {name} was {shown} {said}. {sounds}",
        f"{name} reports {kind} {shown} {said}, {at}. {sounds}",
    )
    answer = {"sensor": name, "kind": kind, "value": value, "unit": unit, "at": f"{hour:02d}:{minute:02d}:00Z", "alarm": alarm}
    return rng.choice(shapes).strip(), answer


def message(rng: Random) -> Made:
    """A message with sender, receivers and a text that may hold quotation marks."""
    sender, *to = dict.fromkeys(w.first_name(rng) for _ in range(rng.choice([2, 2, 3, 4])))
    to = to or ["Ana" if sender != "Ana" else "Ben"]
    thing, place = w.thing(rng), rng.choice(w.ROOMS)
    texts = (
        f"the {thing} is in the {place}",
        f"please bring the {thing}",
        f'call it "{rng.choice(w.NOUNS)}"',
        f"meet me in {w.city(rng)}",
        f'the sign says "{rng.choice(w.NOUNS)} {place}"',
        f"I lost my {thing}, can you look in the {place}?",
    )
    text = rng.choice(texts)
    urgent = rng.random() < 0.5
    mark = rng.choice([" It is urgent.", " This cannot wait.", " Urgent!"] if urgent else ["", " It can wait.", " No hurry."])
    shapes = (f"{sender} tells {w.listed(rng, to)}: {text}.{mark}", f"To {w.listed(rng, to)}, from {sender}: {text}.{mark}")
    return rng.choice(shapes).replace("?.", "?"), {"from": sender, "to": to, "text": text, "urgent": urgent}


def shape(rng: Random) -> Made:
    """A circle or a rectangle at a point."""
    colour, x, y, n, m = rng.choice(w.COLOURS), *(rng.randint(0, 99) for _ in range(4))
    at = rng.choice([f"at {x}, {y}", f"with centre ({x}, {y})", f"centred on x {x} and y {y}"])
    n, m = n or 1, m or 1
    draw = rng.choice(["Draw ", "There is ", "Paint ", ""])
    if rng.random() < 0.5:
        size = rng.choice([f"of radius {n}", f"with radius {w.number_text(rng, n)}"])
        body = rng.choice([f"a {colour} circle {size} {at}", f"a circle {at} {size}, coloured {colour}"])
        return f"{draw}{body}.", {"shape": "circle", "centre": [x, y], "radius": n, "colour": colour}
    size = rng.choice([f"of {n} by {m}", f"with width {n} and height {m}"])
    body = rng.choice([f"a {colour} rectangle {size} {at}", f"a rectangle {at} {size}, coloured {colour}"])
    return f"{draw}{body}.", {"shape": "rectangle", "centre": [x, y], "size": [n, m], "colour": colour}


def team(rng: Random) -> Made:
    """A team with a lead and one to three members."""
    name, lead, age = f"{rng.choice(w.ADJECTIVES)} {rng.choice(w.NOUNS)}", w.full_name(rng), rng.randint(20, 70)
    members = [{"name": n, "job": rng.choice(w.JOBS)} for n in dict.fromkeys(w.first_name(rng) for _ in range(rng.randint(1, 3)))]
    parts = [
        rng.choice(["{} the {}", "{}, {}"]).format(m["name"], m["job"]) if rng.random() < 0.7 else f"{m['name']} ({m['job']})"
        for m in members
    ]
    aged = w.number_text(rng, age)
    shapes = (
        f"{lead}, aged {aged}, leads the {name} team. With them: {'; '.join(parts)}.",
        f"Team {name} is led by {lead} ({aged}). Members: {'; '.join(parts)}.",
    )
    return rng.choice(shapes), {"team": name, "lead": {"name": lead, "age": age}, "members": members}


def product(rng: Random) -> Made:
    """A product with price, colours and stock."""
    name, code = w.thing(rng), rng.choice(["USD", "EUR", "GBP", "JPY"])
    amount: float = rng.randint(1, 500) if code == "JPY" or rng.random() < 0.4 else rng.randint(100, 20000) / 100
    colours, stocked = rng.sample(w.COLOURS, rng.choice([1, 2, 2, 3])), rng.random() < 0.5
    said = f"{w.number_text(rng, int(amount), 0.2) if amount == int(amount) else amount} " + {
        "USD": "dollars", "EUR": "euros", "GBP": "pounds", "JPY": "yen"
    }[code]  # fmt: skip
    amount = int(amount) if amount == int(amount) else amount
    stock = rng.choice(["In stock.", "We have it.", "Available now."] if stocked else ["Sold out.", "Out of stock.", "Not available."])
    hues = w.listed(rng, colours)
    shapes = (
        f"The {name} costs {said} and comes in {hues}. {stock}",
        f"{name.capitalize()}, {said}. Colours: {hues}. {stock}",
        f"{stock} The {name} in {hues} is {said}.",
    )
    return rng.choice(shapes), {"name": name, "price": {"amount": amount, "currency": code}, "colours": colours, "in_stock": stocked}


def flight(rng: Random) -> Made:
    """A wish for a flight, perhaps with a way back."""
    start, end, date, seats = w.city(rng), w.city(rng), w.day(rng), rng.randint(1, 9)
    cabin, count = rng.choice(["economy", "business", "first"]), w.number_text(rng, seats, 0.6)
    value: Schema = {"from": start, "to": end, "date": date.isoformat(), "seats": seats, "class": cabin}
    people = f"{count} seat{'s' if seats > 1 else ''}"
    back = ""
    if rng.random() < 0.4:
        home = w.day(rng)
        value["return"], back = home.isoformat(), f" Return on {w.day_text(rng, home)}."
    when = w.day_text(rng, date)
    shapes = (
        f"I need {people} in {cabin} class from {start} to {end} on {when}.{back}",
        f"Book a {cabin} class flight to {end} from {start}, {when}, {people}.{back}",
        f"On {when} fly from {start} to {end}, {people}, {cabin} class.{back}",
    )
    return rng.choice(shapes), value


RECORDS: dict[str, tuple[tuple[str, ...], Callable[[Random], Made]]] = {
    "person": (("Write the person as JSON.", "Extract the person.", "Give the person in JSON."), person),
    "order": (("Write the order as JSON.", "Extract the order.", "Turn the order into JSON."), order),
    "event": (("Write the event as JSON.", "Extract the event.", "Make a calendar entry in JSON."), event),
    "address": (("Write the address as JSON.", "Extract the address.", "Read the address into JSON."), address),
    "book": (("Write the book as JSON.", "Extract the book.", "Make a library record in JSON."), book),
    "recipe": (("Write the recipe as JSON.", "Extract the recipe.", "Turn the recipe into JSON."), recipe),
    "sensor": (("Write the reading as JSON.", "Extract the sensor reading.", "Log the reading in JSON."), sensor),
    "message": (("Write the message as JSON.", "Extract the message.", "Turn the message into JSON."), message),
    "shape": (("Write the shape as JSON.", "Extract the shape.", "Turn the drawing into JSON."), shape),
    "team": (("Write the team as JSON.", "Extract the team.", "Turn the team into JSON."), team),
    "product": (("Write the product as JSON.", "Extract the product.", "Make a shop entry in JSON."), product),
    "flight": (("Write the flight as JSON.", "Extract the flight.", "Turn the booking into JSON."), flight),
}
