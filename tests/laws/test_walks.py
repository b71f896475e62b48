"""The laws of DESIGN section 9, over random languages and toy vocabularies, against derivatives of expressions."""

from __future__ import annotations

from random import Random

from conftest import SCALE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds import check_world, expression, pieces, vocabulary

law = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def examples(count: int) -> settings:
    return settings(law, max_examples=max(4, int(count * SCALE)))


@given(st.integers(0, 10**9))
@examples(150)
def test_random_expressions(seed: int) -> None:
    rng = Random(seed)
    expr = expression(rng)
    check_world(expr, vocabulary(rng, pieces()), rng, 12, pieces())
