"""Word lists and spellings for the tiny model's texts: names, places, things, number words, clock and calendar phrases.

Names of people are drawn from lists or put together from syllables; none is meant to be a person. Every function takes a
`random.Random` and returns plain strings, or a string with the value that it spells.
"""

# ruff: noqa: SIM905  word lists read better as words than as forty quoted strings

from __future__ import annotations

import datetime
from random import Random

FIRST = (
    "Ana Ben Carla Daniel Elena Farid Grace Hugo Ines Jonas Kira Liam Maya Noah Olga Pavel Quinn Rosa Samir Tara Umar Vera "
    "Walter Xenia Yusuf Zoe Anton Bella Cyrus Dora Emil Fatima Gustav Hana Ivan Julia Karim Lena Marco Nadia Oscar Priya "
    "Ravi Sofia Tomas Ursula Victor Wanda Yara Zane Amara Boris Chen Diego Esther Felix Greta Hiro Ida Jamal José Zoë "
    "Łukasz Søren Chloé Renée Mei Kofi Leila Mateo Nina Omar Petra Rita Stefan Thea Uma Vikram Wren Yuki"
).split()
ONSET = "b br c ch d dr f fl g gr h j k kr l m n p pr r s sh st t tr v w z".split()
VOWEL = "a e i o u ai ea ei ou".split()
CODA = "n r l s m nd rt ck lt x th ".split(" ")
PLACE_TAIL = "ville ton burg ford mouth field haven dale wick port".split()
_ONE_WORD = (
    "Oslo Lima Paris Cairo Kyoto Lagos Quito Turin Delhi Perth Porto Dublin Geneva Havana Lisbon Madrid Nairobi Ottawa "
    "Prague Riga Seoul Tunis Vienna Warsaw Zagreb Athens Berlin Boston Denver Milan Hanoi Accra Bogota"
).split()
CITIES = [*_ONE_WORD, "New York", "San Juan", "Cape Town", "Buenos Aires", "Hong Kong", "São Paulo", "Málaga"]
COUNTRIES = ["Norway", "Peru", "France", "Egypt", "Japan", "Kenya", "Spain", "Canada"]
_TRADES = (
    "teacher nurse baker pilot lawyer painter plumber farmer chemist driver editor dentist singer builder cook judge "
    "librarian engineer gardener tailor"
).split()
JOBS = [*_TRADES, "software engineer", "fire fighter", "tour guide"]
PRODUCTS = (
    "lamp chair desk mug notebook pencil backpack kettle blanket pillow clock mirror basket candle towel vase shelf rug "
    "keyboard monitor mouse cable charger tripod camera speaker guitar violin tent rope bottle helmet glove scarf jacket"
).split()
ADJECTIVES = "red blue green black white small large old new wooden silver soft heavy bright quiet round golden striped".split()
COLOURS = "red blue green black white yellow brown grey".split()
NOUNS = (
    "river garden winter shadow mountain harbour letter bridge forest island window mirror journey silence stone moon "
    "lantern orchard tower storm"
).split()
INGREDIENTS = (
    "flour sugar butter milk salt rice beans onion garlic tomato basil cheese honey oats yeast cream lemon pepper carrot "
    "potato spinach ginger oil water"
).split()
DISHES = "soup bread stew salad curry cake pie pasta porridge risotto omelette pancakes".split()
VERBS = "mix chop boil bake stir fry wash peel grate cool".split()
ROOMS = "kitchen bedroom hall office garage garden bathroom cellar attic library".split()
OBJECTS = "cup book ball key plate box lamp towel apple bottle phone hammer".split()
STREETS = "Oak Elm Maple Pine River Lake Hill Church Mill Station Garden Bridge Market Park King Queen".split()
STREET_KINDS = ["Street", "Road", "Avenue", "Lane"]
MONTHS = "January February March April May June July August September October November December".split()
HOSTS = ["example.com", "example.org", "mail.example", "post.example"]

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = "_ first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth".split()
ORDINALS += "sixteenth seventeenth eighteenth nineteenth twentieth".split()


def number_words(n: int) -> str:
    """Spell a whole number from 0 to 9999 in English."""
    if n < 20:
        return UNITS[n]
    if n < 100:
        return TENS[n // 10] + (f"-{UNITS[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{UNITS[n // 100]} hundred" + (f" and {number_words(n % 100)}" if n % 100 else "")
    rest = n % 1000
    return f"{number_words(n // 1000)} thousand" + (f"{' and' if rest < 100 else ''} {number_words(rest)}" if rest else "")


def number_text(rng: Random, n: int, words: float = 0.4) -> str:
    """Write a number as words with probability `words`, as digits otherwise."""
    return number_words(n) if rng.random() < words else str(n)


def ordinal_words(n: int) -> str:
    """Spell an ordinal from 1 to 31."""
    if n <= 20:
        return ORDINALS[n]
    return "thirtieth" if n == 30 else f"{TENS[n // 10]}-{ORDINALS[n % 10]}"


def ordinal_digits(n: int) -> str:
    """Write 1 as 1st, 2 as 2nd, 11 as 11th."""
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def syllables(rng: Random, count: int) -> str:
    """Make a pronounceable word in lower case."""
    return "".join(rng.choice(ONSET) + rng.choice(VOWEL) for _ in range(count)) + rng.choice(CODA)


def first_name(rng: Random) -> str:
    """Return a first name, now and then an invented one."""
    return rng.choice(FIRST) if rng.random() < 0.75 else syllables(rng, rng.randint(1, 2)).capitalize()


def last_name(rng: Random) -> str:
    """Return an invented family name."""
    return syllables(rng, rng.randint(1, 2)).capitalize()


def full_name(rng: Random) -> str:
    """Return a first name and a family name."""
    return f"{first_name(rng)} {last_name(rng)}"


def city(rng: Random) -> str:
    """Return a city from the list, or an invented one."""
    return rng.choice(CITIES) if rng.random() < 0.75 else syllables(rng, 1).capitalize() + rng.choice(PLACE_TAIL)


def thing(rng: Random) -> str:
    """Return a product, often with an adjective."""
    noun = rng.choice(PRODUCTS)
    return f"{rng.choice(ADJECTIVES)} {noun}" if rng.random() < 0.5 else noun


def title(rng: Random) -> str:
    """Return the title of an invented book."""
    shape = rng.randrange(4)
    a, b = rng.choice(ADJECTIVES).capitalize(), rng.choice(NOUNS).capitalize()
    other = rng.choice(NOUNS).capitalize()
    return (f"The {a} {b}", f"{b} of {city(rng)}", f"{b} and {other}", f"The {b} of {last_name(rng)}")[shape]


def a(noun: str) -> str:
    """Put the right indefinite article before a noun."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listed(rng: Random, parts: list[str]) -> str:
    """Join parts as English does: `a, b and c`."""
    if len(parts) == 1:
        return parts[0]
    comma = "," if len(parts) > 2 and rng.random() < 0.3 else ""
    return ", ".join(parts[:-1]) + f"{comma} and {parts[-1]}"


def day(rng: Random) -> datetime.date:
    """Return a date from 1950 to 2030, mostly recent."""
    year = rng.randint(2015, 2030) if rng.random() < 0.7 else rng.randint(1950, 2014)
    return datetime.date(year, 1, 1) + datetime.timedelta(days=rng.randrange(365))


def day_text(rng: Random, d: datetime.date) -> str:
    """Write a date in one of six English ways."""
    month = MONTHS[d.month - 1]
    shapes = (
        f"{d.day} {month} {d.year}",
        f"{month} {d.day}, {d.year}",
        f"the {ordinal_words(d.day)} of {month} {d.year}",
        f"{month[:3]} {d.day} {d.year}",
        f"{month} {ordinal_digits(d.day)}, {d.year}",
        f"{d.day}/{d.month}/{d.year}",
    )
    return rng.choice(shapes)


def part_of_day(hour: int) -> str:
    """Return the words that tell which half of the day an hour belongs to."""
    if hour < 12:
        return "in the morning"
    return "in the afternoon" if hour < 18 else "in the evening" if hour < 22 else "at night"


def clock_text(rng: Random, hour: int, minute: int) -> str:
    """Say a time of day (hour 1 to 23, minute a multiple of 5) in one of several English ways."""
    spoken, digits = number_words((hour - 1) % 12 + 1), (hour - 1) % 12 + 1
    shape = rng.randrange(4)
    if shape == 0:
        return f"{digits}:{minute:02d} {'am' if hour < 12 else 'pm'}"
    if shape == 1 and hour >= 10 and minute >= 10:
        return f"{number_words(hour)} {number_words(minute)}"
    if hour == 12 and minute == 0:
        return "noon"
    part = part_of_day(hour)
    if minute == 0:
        return f"{spoken} o'clock {part}" if shape == 2 else f"{digits} {'am' if hour < 12 else 'pm'}"
    if minute in {15, 30}:
        return f"{'half' if minute == 30 else rng.choice(['quarter', 'a quarter'])} past {spoken} {part}"
    if minute < 30:
        return f"{number_words(minute)} past {spoken} {part}"
    following = number_words(hour % 12 + 1)
    return f"{'quarter' if minute == 45 else number_words(60 - minute)} to {following} {part}"


def clock(rng: Random) -> tuple[int, int]:
    """Return an hour from 1 to 22 and a minute that is a multiple of five."""
    return rng.randint(1, 22), rng.choice([0, 0, 15, 30, 45, *range(5, 60, 5)])
