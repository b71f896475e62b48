"""The tasks whose answer is not JSON: times, dates, numbers, money, key-value lines, arithmetic, Python, SQL, plans.

Each `make(rng)` returns `(text, answer)`. `PATTERNS[name]` is a regular expression that matches the answer as a whole, or
`GRAMMARS[name]` the file in `grammars/` whose language holds the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from structgen.tiny import words as w

Said = tuple[str, str]

PATTERNS = {
    "time": r"([01][0-9]|2[0-3]):[0-5][0-9]",
    "date": r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    "number": r"0|[1-9][0-9]{0,3}",
    "money": r"\$[0-9]{1,3}\.[0-9]{2}",
    "duration": r"PT([1-9][0-9]?H([1-9][0-9]?M)?|[1-9][0-9]?M)",
    "lines": r"[a-z_]+=[a-z0-9.]+(\n[a-z_]+=[a-z0-9.]+){0,4}",
}
GRAMMARS = {"arithmetic": "arithmetic.lark", "python": "python_expr.lark", "sql": "sql_select.lark", "plan": "plan.lark"}


def time(rng: Random) -> Said:
    """A spoken time of day -> `15:30`."""
    hour, minute = w.clock(rng)
    return w.clock_text(rng, hour, minute), f"{hour:02d}:{minute:02d}"


def date(rng: Random) -> Said:
    """A date in words -> `2021-03-04`."""
    day = w.day(rng)
    return w.day_text(rng, day), day.isoformat()


def number(rng: Random) -> Said:
    """A number in words -> its digits."""
    n = rng.randrange(10 ** rng.randint(2, 4))
    return w.number_words(n), str(n)


def money(rng: Random) -> Said:
    """An amount of dollars and cents in words -> `$12.50`."""
    whole, cents = rng.randrange(1, 300), rng.choice([0, rng.randrange(1, 100), 5 * rng.randrange(1, 20)])
    said = f"{w.number_words(whole)} dollar{'s' if whole > 1 else ''}"
    return said + (f" and {w.number_words(cents)} cent{'s' if cents > 1 else ''}" if cents else ""), f"${whole}.{cents:02d}"


def duration(rng: Random) -> Said:
    """A length of time in words -> ISO 8601, `PT2H5M`."""
    hours, minutes = rng.choice([0, rng.randint(1, 24)]), rng.choice([0, rng.randint(1, 59)])
    hours = hours or (0 if minutes else 1)
    parts = [f"{w.number_text(rng, hours, 0.6)} hour{'s' if hours > 1 else ''}"] if hours else []
    parts += [f"{w.number_text(rng, minutes, 0.6)} minute{'s' if minutes > 1 else ''}"] if minutes else []
    return " and ".join(parts), "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")


def lines(rng: Random) -> Said:
    """Settings told in English -> `key=value` lines."""
    keys = rng.sample(["colour", "size", "mode", "speed", "host", "port", "user", "level", "max_items", "timeout"], rng.randint(1, 4))
    parts, out = [], []
    for key in keys:
        value = {
            "colour": rng.choice(w.COLOURS), "mode": rng.choice(["fast", "slow", "safe", "debug"]), "host": w.syllables(rng, 2),
            "user": w.first_name(rng).lower(), "level": rng.choice(["low", "medium", "high"]), "speed": f"{rng.randint(1, 99) / 10}",
        }.get(key, str(rng.randint(1, 9999)))  # fmt: skip
        value = value if value.isascii() else "guest"
        parts.append(rng.choice(["the {} is {}", "{} should be {}", "set {} to {}"]).format(key.replace("_", " "), value))
        out.append(f"{key}={value}")
    return w.listed(rng, parts), "\n".join(out)


def _level(op: str) -> int:
    return 2 if op in "*/" else 1


def _tree(rng: Random, depth: int) -> tuple[str, str, int]:
    """Return (words, expression, binding strength 1 to 3); a weaker part inside a stronger one is said as a group."""
    if depth == 0 or (depth < 3 and rng.random() < 0.2):
        n = rng.randint(0, 20) if rng.random() < 0.7 else rng.randint(21, 999)
        return w.number_text(rng, n, 0.8), str(n), 3
    op = rng.choice("++--**/")
    (left, lx, lb), (right, rx, rb) = _tree(rng, depth - 1), _tree(rng, depth - 2 if depth > 1 else 0)
    level = _level(op)
    if lb < level:
        left, lx = f"open bracket {left} close bracket", f"({lx})"
    if rb <= level:
        right, rx = f"open bracket {right} close bracket", f"({rx})"
    said = {"+": "plus", "-": "minus", "*": rng.choice(["times", "multiplied by"]), "/": "divided by"}[op]
    return f"{left} {said} {right}", f"{lx}{op}{rx}", level


def arithmetic(rng: Random) -> Said:
    """Spoken arithmetic -> an expression such as `3+4*2`."""
    if rng.random() < 0.3:
        (left, lx, _), (right, rx, _) = _tree(rng, 0), _tree(rng, 0)
        third = rng.randint(2, 20)
        name, op = rng.choice([("sum", "+"), ("difference", "-")])
        if rng.random() < 0.5:
            return f"{w.number_words(third)} times the {name} of {left} and {right}", f"{third}*({lx}{op}{rx})"
        return f"the {name} of {left} and {right}, divided by {w.number_words(third)}", f"({lx}{op}{rx})/{third}"
    said, expression, _ = _tree(rng, rng.randint(3, 4))
    return said, expression


TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "users": (("name", "city", "email"), ("age", "score")),
    "orders": (("customer", "status", "product"), ("price", "quantity")),
    "books": (("title", "author", "genre"), ("year", "pages")),
    "cities": (("name", "country"), ("population", "area")),
    "employees": (("name", "department", "job"), ("salary", "age")),
    "songs": (("title", "singer", "genre"), ("year", "length")),
    "products": (("name", "colour", "brand"), ("price", "weight")),
}


_COMPARED = (
    ("over", ">"), ("greater than", ">"), ("above", ">"), ("under", "<"), ("less than", "<"), ("below", "<"),
    ("of at least", ">="), ("of at most", "<="), ("equal to", "="),
)  # fmt: skip


def _condition(rng: Random, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Said:
    if rng.random() < 0.6:
        column, n = rng.choice(numbers), rng.randint(1, 99) if rng.random() < 0.6 else rng.randint(100, 2020)
        said, op = rng.choice(_COMPARED)
        return f"{column} {said} {n}", f"{column} {op} {n}"
    column = rng.choice(texts)
    if column in {"city", "country", "colour"}:
        shown = {"city": w.city(rng), "country": rng.choice(w.COUNTRIES), "colour": rng.choice(w.COLOURS)}[column]
    else:
        shown = w.first_name(rng) if column in {"name", "author", "singer", "customer"} else rng.choice(w.NOUNS)
    sign, op = rng.choice([("", "="), ("", "="), ("not ", "!=")])
    return f"{column} {sign}{shown}", f"{column} {op} '{shown}'"


def sql(rng: Random) -> Said:
    """A question about a table -> one SELECT."""
    table = rng.choice(list(TABLES))
    texts, numbers = TABLES[table]
    columns = rng.sample(texts + numbers, rng.choice([1, 1, 2, 3]))
    said, select, tail, group = w.listed(rng, columns), ", ".join(columns), "", ""
    if len(columns) == 1 and columns[0] in texts and columns[0][-1] in "elr" and rng.random() < 0.5:
        said += "s"
    kind = rng.random()
    if kind < 0.2:
        said, select = f"how many {table}", "COUNT(*)"
    elif kind < 0.4:
        word, call = rng.choice([("average", "AVG"), ("largest", "MAX"), ("smallest", "MIN"), ("total", "SUM")])
        column = rng.choice(numbers)
        said, select = f"{word} {column} of {table}", f"{call}({column})"
        if rng.random() < 0.4:
            by = rng.choice(texts)
            group, tail, select = f" by {by}", f" GROUP BY {by}", f"{by}, {select}"
    else:
        said = f"{rng.choice(['', 'show ', 'list the ', 'the '])}{rng.choice([said, said, 'all columns'])} of {table}"
        select = "*" if "all columns" in said else select
        said = f"distinct {said}" if rng.random() < 0.1 else said
        select = f"DISTINCT {select}" if said.startswith("distinct") else select
    where = ""
    if rng.random() < 0.7:
        conditions = [_condition(rng, texts, numbers) for _ in range(rng.choice([1, 1, 2]))]
        link = " with "
        if "age" in numbers and rng.random() < 0.4:
            years, (word, op) = rng.randint(16, 90), rng.choice([("older", ">"), ("younger", "<")])
            conditions[0], link = (f"{word} than {w.number_text(rng, years, 0.2)}", f"age {op} {years}"), " "
        joiner = rng.choice(["and", "or"])
        where = " WHERE " + f" {joiner.upper()} ".join(c[1] for c in conditions)
        said += link + f" {joiner} ".join(c[0] for c in conditions)
    if kind >= 0.4 and rng.random() < 0.4:
        column, (order, word) = (
            rng.choice(texts + numbers),
            rng.choice([(" DESC", ", highest first"), ("", ""), (" ASC", ", lowest first")]),
        )
        said, tail = f"{said} sorted by {column}{word}", f" ORDER BY {column}{order}"
        if rng.random() < 0.5:
            top = rng.randint(1, 20)
            said, tail = f"{said}, only the first {w.number_text(rng, top)}", f"{tail} LIMIT {top}"
    return said + group, f"SELECT {select} FROM {table}{where}{tail}"


def _value(rng: Random, depth: int) -> Said:
    name = rng.choice(["x", "y", "n", "total", "count", "price", "width", "age", "left", "right"])
    items = rng.choice(["words", "names", "numbers", "items", "prices", "xs"])
    n = rng.randint(0, 30)
    if depth == 0:
        return rng.choice([(name, name), (w.number_text(rng, n), str(n)), (f"the length of {items}", f"len({items})")])
    call, said = rng.choice([("sum", "sum"), ("max", "largest"), ("min", "smallest"), ("sorted", "sorted list")])
    (a, ax), (b, bx) = _value(rng, 0), _value(rng, 0)
    op, word = rng.choice([("+", "plus"), ("-", "minus"), ("*", "times"), ("//", "integer divided by"), ("%", "modulo")])
    shapes = [
        (f"{a} {word} {b}", f"{ax} {op} {bx}"),
        (f"the {said} of {items}", f"{call}({items})"),
        (f"item {n} of {items}", f"{items}[{n}]"),
        (f"the last item of {items}", f"{items}[-1]"),
        (f"the absolute value of {name}", f"abs({name})"),
    ]
    return rng.choice(shapes)


def python(rng: Random) -> Said:
    """A description of a value -> a Python expression."""
    items, one = rng.choice([("words", "w"), ("numbers", "n"), ("xs", "x"), ("prices", "p"), ("names", "s")])
    (a, ax), (b, bx), k = _value(rng, 1), _value(rng, 0), rng.randint(2, 50)
    test, op = rng.choice([("greater than", ">"), ("less than", "<"), ("equal to", "=="), ("at least", ">="), ("not", "!=")])
    shape = rng.randrange(8)
    if shape == 0:
        return f"the {items} {test} {k}", f"[{one} for {one} in {items} if {one} {op} {k}]"
    if shape == 1:
        said, made = rng.choice(
            [("squares", f"{one} * {one}"), ("lengths", f"len({one})"), ("doubles", f"2 * {one}"), ("texts", f"str({one})")]
        )
        return f"the {said} of the {items}", f"[{made} for {one} in {items}]"
    if shape == 2:
        return f"{a} if {b} is {test} {k}, otherwise {k + 1}", f"{ax} if {bx} {op} {k} else {k + 1}"
    if shape == 3:
        call, said = rng.choice([("upper", "upper case"), ("lower", "lower case"), ("strip", "without blanks")])
        name = rng.choice(["name", "title", "word", "text", "line"])
        return f"{name} in {said}" if call != "strip" else f"{name} {said}", f"{name}.{call}()"
    if shape == 4:
        return f"the first {w.number_text(rng, k)} {items}", f"{items}[:{k}]"
    if shape == 5:
        join = rng.choice(["and", "or"])
        (c, cx) = _value(rng, 0)
        return f"{b} is {test} {k} {join} {c} is zero", f"{bx} {op} {k} {join} {cx} == 0"
    return a, ax


def plan(rng: Random) -> Said:
    """A chore told in English -> steps such as `goto kitchen; pick cup; goto hall; place cup`."""
    said, steps = [], []
    for _ in range(rng.choice([1, 1, 2])):
        start, end, thing = rng.choice(w.ROOMS), rng.choice(w.ROOMS), rng.choice(w.OBJECTS)
        shape = rng.randrange(4)
        if shape == 0:
            verb = rng.choice(["bring", "carry", "take"])
            said.append(f"{verb} the {thing} from the {start} to the {end}")
            steps += [f"goto {start}", f"pick {thing}", f"goto {end}", f"place {thing}"]
        elif shape == 1:
            said.append(f"go to the {start} and open the {rng.choice(['door', 'window'])}")
            steps += [f"goto {start}", f"open {said[-1].split()[-1]}"]
        elif shape == 2:
            said.append(f"get the {thing} from the {start}")
            steps += [f"goto {start}", f"pick {thing}"]
        else:
            n = rng.randint(2, 9)
            said.append(f"wait {w.number_text(rng, n, 0.6)} minutes in the {start}")
            steps += [f"goto {start}", f"wait {n}"]
    return ", then ".join(said), "; ".join(steps)


PHRASES: dict[str, tuple[tuple[str, ...], Callable[[Random], Said]]] = {
    "time": (("Write the time as HH:MM.", "Give the time on a 24-hour clock."), time),
    "date": (("Write the date as YYYY-MM-DD.", "Give the date in ISO form."), date),
    "number": (("Write the number in digits.", "Turn the words into a number."), number),
    "money": (("Write the amount in dollars.", "Give the amount of money in digits."), money),
    "duration": (("Write the duration in ISO form.", "Turn the duration into ISO 8601."), duration),
    "lines": (("Write the settings as key=value lines.", "Make a settings file."), lines),
    "arithmetic": (("Write the arithmetic.", "Write it as an expression."), arithmetic),
    "python": (("Write a Python expression.", "Say it in Python."), python),
    "sql": (("Write the SQL query.", "Answer with one SQL select."), sql),
    "plan": (("Write the plan.", "Turn the wish into steps."), plan),
}
