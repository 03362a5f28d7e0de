from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affetti.embedders.descriptors import HANDCRAFTED, HARMONY
from affetti.embedders.registry import make_embedder
from affetti.embedders.statistics import STATISTICS
from affetti.errors import AffettiError, InputError, StorageError, UsageError


def test_each_name_gives_its_embedder(run_of: Callable[[str], Path]) -> None:
    assert make_embedder("statistics") is STATISTICS
    assert make_embedder("harmony") is HARMONY
    assert make_embedder("handcrafted") is HANDCRAFTED
    assert make_embedder(f"regressor:{run_of('student')}").name == "regressor"


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (
            "",
            UsageError,
            "no features ''. Choose from statistics, harmony, handcrafted, regressor:RUN, musicnn:WEIGHTS, fcn:",
        ),
        ("vggish", UsageError, "no features 'vggish'. Choose from"),
        ("musicn:w.pth", UsageError, "no features 'musicn:w.pth'. Write musicnn:WEIGHTS"),
        ("musicnn", UsageError, "no features 'musicnn'. Write musicnn:WEIGHTS"),
        ("hf:", UsageError, "no features 'hf:'. Write hf:NAME_OR_FOLDER"),
        ("harmoni", UsageError, "no features 'harmoni'. Write harmony"),
        ("harmony:x", UsageError, "no features 'harmony:x'. Write harmony"),
        ("statistics:3", UsageError, "no features 'statistics:3'. Write statistics"),
        ("musicnn:/no/where.pth", InputError, "/no/where.pth: no such file"),
        ("regressor:/no/where", StorageError, "/no/where: no such folder"),
    ],
)
def test_an_unknown_name_is_refused_in_one_line(text: str, kind: type[AffettiError], says: str) -> None:
    with pytest.raises(kind) as caught:
        make_embedder(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
