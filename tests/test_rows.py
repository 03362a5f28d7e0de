import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetti.errors import InputError
from affetti.rows import evenly_spaced, require_finite


@given(st.integers(1, 500), st.integers(1, 500))
def test_rows_are_distinct_in_order_and_from_the_first(n: int, count: int) -> None:
    rows = evenly_spaced(n, count)
    assert len(rows) == min(n, count)
    assert rows[0] == 0
    assert (np.diff(rows) > 0).all()
    assert len(rows) == 1 or rows[-1] == n - 1


def test_no_rows_of_none() -> None:
    assert evenly_spaced(0, 5).tolist() == []


def test_the_first_clip_with_a_value_that_is_not_finite_is_named() -> None:
    mels = np.zeros((4, 2, 3), dtype=np.float16)
    require_finite(mels, range(4))
    require_finite(mels[:0], ())
    require_finite(mels[:, 0], range(4))  # features of clips, as a baseline takes them
    mels[2, 0, 1], mels[3, 1, 1] = -np.inf, np.nan
    with pytest.raises(InputError, match=r"^clip 12: a value is not finite\. Remove that clip"):
        require_finite(mels, range(10, 14))
    with pytest.raises(InputError, match=r"^set, clip c: a value is not finite"):
        require_finite(mels, np.array(["a", "b", "c", "d"]), "set")
