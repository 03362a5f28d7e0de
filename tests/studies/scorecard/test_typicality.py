from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.material import present

from affetti import api
from affetti.errors import StorageError
from affetti.studies.scorecard.result import Scorecard
from affetti.studies.scorecard.unsaved import UnsavedScoreError


def clips(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(0, 1, (n, 16, 64)), axis=2).astype(np.float32) - 30 + rng.normal(0, 4, (n, 16, 1))


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    fake = clips(40, 1)
    fake[7] = np.random.default_rng(9).normal(0, 25, (16, 64))
    np.save(tmp_path / "real.npy", clips(40, 0).astype(np.float32))
    np.save(tmp_path / "fake.npy", fake.astype(np.float32))
    return tmp_path / "real.npy", tmp_path / "fake.npy"


def test_every_clip_is_filed_the_least_typical_first(sets: tuple[Path, Path], tmp_path: Path):
    card = api.score.run(*sets, out=tmp_path / "score")
    table = pd.read_parquet(tmp_path / "score/typicality.parquet")
    assert table.columns.tolist() == [
        "clip",
        "file",
        "row",
        "typicality",
        "song",
        "nearest_real",
        "nearest_real_file",
        "distance",
    ]
    assert sorted(table["row"]) == list(range(40))
    assert table["typicality"].is_monotonic_increasing
    assert table["typicality"].between(1 / 41, 1).all()
    assert table["row"][0] == 7
    assert table["clip"][0] == "fake.npy[7]"
    assert table["nearest_real"][0].startswith("real.npy[")
    summary = present(card.typicality)
    assert summary.share_low == pytest.approx((table["typicality"] < 0.05).mean())
    assert summary.smallest == pytest.approx(1 / 41)
    assert [clip.row for clip in summary.least] == table["row"][:20].tolist()
    assert Scorecard.open(tmp_path / "score") == card
    with np.load(tmp_path / "score/pictures.npz") as arrays:
        assert arrays["atypical_fake"].shape == (4, 16, 64)


def test_the_order_of_clips_does_not_matter_and_nothing_is_written_without_out(sets: tuple[Path, Path], tmp_path: Path):
    card = api.score.run(*sets)
    np.save(tmp_path / "turned.npy", np.load(sets[1])[::-1])
    turned = api.score.run(sets[0], tmp_path / "turned.npy")
    assert [39 - clip.row for clip in present(turned.typicality).least] == [
        clip.row for clip in present(card.typicality).least
    ]
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_table_that_cannot_be_written_does_not_lose_the_numbers(
    sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise StorageError("no space is left", where=tmp_path, hint="free some")

    monkeypatch.setattr("affetti.studies.scorecard.scorecard.save_table", full)
    with pytest.raises(UnsavedScoreError, match="no space is left") as caught:
        api.score.run(*sets, out=tmp_path / "score")
    assert present(caught.value.card.typicality).share_low is not None


def test_scorecards_of_affetti_0_1_open_without_typicality_and_shares_of_copies(sets: tuple[Path, Path]):
    document = api.score.run(*sets, train=sets[1]).to_dict()
    for key in ("typicality", "passages"):
        del document[key]
    for key in ("share", "p", "detectable"):
        del document["memorisation"][key]
    del document["memorisation"]["ci"]["share"]
    opened = Scorecard.from_dict(document)
    assert opened.typicality is None
    assert present(opened.memorisation).share is None
    assert opened.pairs_to_hear == opened.nearest_pairs
