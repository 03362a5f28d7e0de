import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from affetti.rows import evenly_spaced


@given(st.integers(1, 500), st.integers(1, 500))
def test_rows_are_distinct_in_order_and_from_the_first(n: int, count: int) -> None:
    rows = evenly_spaced(n, count)
    assert len(rows) == min(n, count)
    assert rows[0] == 0
    assert (np.diff(rows) > 0).all()
    assert len(rows) == 1 or rows[-1] == n - 1


def test_no_rows_of_none() -> None:
    assert evenly_spaced(0, 5).tolist() == []
