"""VGMIDI's raters: about 30 listeners a piece, not the same for all."""

from __future__ import annotations

from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest

from affetti.corpus import audit
from affetti.corpus.ceiling import ceiling
from affetti.corpus.loaders import load
from affetti.storage import read_json
from affetti.studies.listening.labels import label_ceiling
from affetti.studies.listening.rating_table import RatingTable
from affetti.studies.listening.reliability import icc_one_way, krippendorff_alpha


def ratings(folder: Path) -> pd.DataFrame:
    """One rating by listener and piece: the mean over measures. Listeners of two pieces are never known to be one."""
    rows: list[dict[str, object]] = []
    for number in (1, 2):
        file = next(folder.rglob(f"vgmidi_raw_{number}.json"))
        for key, series in read_json(file)["annotations"].items():
            piece = f"r{number}_{key.rsplit('_', 1)[0]}"
            for axis in ("valence", "arousal"):
                values = np.array(series[axis], dtype=float)
                if len(values) and (np.abs(values) <= 1).all():
                    rows.append(
                        {"listener": f"{piece}_{key}", "clip": piece, "system": "real", "scale": axis,
                         "rating": values.mean()}
                    )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def table(data: Path) -> RatingTable:
    return RatingTable.of(ratings(data / "research" / "VGMIDI"))


def stacked(table: RatingTable, axis: str) -> np.ndarray:
    """Ratings ``[pieces, listeners]`` with listeners of each piece in the first columns."""
    groups = [group.to_numpy() for _, group in table.main[table.main["scale"] == axis].groupby("clip")["rating"]]
    made = np.full((len(groups), max(map(len, groups))), np.nan)
    for row, group in zip(made, groups, strict=True):
        row[: len(group)] = group
    return made


@pytest.mark.parametrize("axis", ["valence", "arousal"])
def test_alpha_and_the_one_way_icc_of_real_raters_are_those_of_the_packages(table: RatingTable, axis: str) -> None:
    matrix = stacked(table, axis)
    alpha = krippendorff_alpha(matrix)
    rounded = matrix.round(2)  # the package takes memory that grows with the square of the number of different values
    expected_alpha = krippendorff.alpha(rounded.T, level_of_measurement="interval")
    assert krippendorff_alpha(rounded).value == pytest.approx(expected_alpha, abs=1e-12)
    made = icc_one_way(matrix)
    assert made.k == pytest.approx(np.isfinite(matrix).sum(axis=1).mean(), rel=0.02)
    # Pingouin takes complete tables: as many raters of each piece as the piece with the fewest has.
    import warnings

    fewest = int(np.isfinite(matrix).sum(axis=1).min())
    complete = matrix[:, :fewest]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pingouin

        long = pd.DataFrame(complete).melt(ignore_index=False).reset_index()
        long.columns = pd.Index(["clip", "listener", "rating"])
        expected = pingouin.intraclass_corr(long, "clip", "listener", "rating")["ICC"].to_numpy()
    own = icc_one_way(complete)
    assert (own.single.value, own.mean.value) == pytest.approx((expected[0], expected[3]), abs=1e-9)
    assert alpha.value == pytest.approx(made.single.value, abs=0.02)


def test_the_ceiling_of_the_ratings_is_that_which_prepare_reports(table: RatingTable, data: Path) -> None:
    source = load(f"vgmidi:{data / 'research/VGMIDI'}")
    expected = ceiling(audit.table(source, 30.0))
    made = label_ceiling(table)
    for own, theirs in zip(made.by_axis().values(), expected.by_axis().values(), strict=True):
        assert own is not None
        assert theirs is not None
        assert own.r2.value == pytest.approx(theirs.r2.value, abs=1e-9)
        assert own.ccc.value == pytest.approx(theirs.ccc.value, abs=1e-9)
