from __future__ import annotations

import numpy as np
import pytest

from affetti.errors import InputError
from affetti.metrics.passages import ClipRows, PassageSpace, shared_passages

Mels = np.ndarray


def songs_of(n: int, seed: int, frames: int = 256) -> Mels:
    """Log-mels ``[n, 64, frames]`` of notes at random, over a noise floor of -60 dB."""
    rng = np.random.default_rng(seed)
    mels = rng.normal(-60, 1, (n, 64, frames))
    for mel in mels:
        for _ in range(frames // 3):
            band, start = rng.integers(2, 62), rng.integers(frames - 12)
            mel[band, start : start + 12] += np.linspace(50, 20, 12)
            mel[min(63, band + 10), start : start + 12] += np.linspace(35, 10, 12)
    return mels.astype(np.float32)


@pytest.fixture(scope="module")
def train() -> Mels:
    return songs_of(80, 0)


def rows(mels: Mels) -> ClipRows:
    return ClipRows(mels, np.arange(len(mels)), np.array([f"song{i}" for i in range(len(mels))]))


def clips(mels: Mels, start: int = 60) -> Mels:
    """Clips of 128 frames, 5.9 s at the front-end ``tiny``."""
    return np.ascontiguousarray(mels[:, :, start : start + 128])


def test_fresh_clips_share_no_passages(train: Mels):
    result = shared_passages(rows(clips(songs_of(60, 1))), rows(clips(train)), rows(clips(songs_of(60, 2))))
    assert not result.test.copying
    assert result.test.ci[0] == 0
    assert result.quantile.mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    "change", ["same", "later", "much later", "louder", "first half", "second half, later", "noisy", "blurred"]
)
def test_copies_are_found_whatever_was_done_to_them(train: Mels, change: str):
    copies, others = clips(train[:12]), clips(songs_of(60, 1))
    rng = np.random.default_rng(3)
    if change == "later":
        copies = clips(train[:12], 60 + 21)
    elif change == "much later":
        copies = clips(train[:12], 60 + 60)
    elif change == "louder":
        copies = copies + 1
    elif change == "first half":
        copies = np.concatenate([copies[:, :, :64], others[:12, :, 64:]], axis=2)
    elif change == "second half, later":
        copies = np.concatenate([others[:12, :, :64], clips(train[:12], 71)[:, :, 64:]], axis=2)
    elif change == "noisy":
        copies = copies + 3 * rng.normal(size=copies.shape)
    elif change == "blurred":
        copies = (copies + np.roll(copies, 1, 2) + np.roll(copies, 2, 2)) / 3
    fake = np.concatenate([copies, others[12:]]).astype(np.float16)
    result = shared_passages(rows(fake), rows(clips(train)), rows(clips(songs_of(60, 2))))
    assert result.test.copying
    assert result.test.share == pytest.approx(0.2, abs=0.06)
    assert result.which[:12].tolist() == list(range(12))
    assert result.quantile[:12].max() == 0
    assert (result.away >= 0).all()
    assert (result.relative <= 1).all()


def test_distances_do_not_depend_on_batches_or_loudness(train: Mels):
    space = PassageSpace.fit(rows(clips(train)))
    passages = space.embed(rows(clips(train)))
    assert np.linalg.norm(passages, axis=2).max() == pytest.approx(1, abs=1e-5)
    fake = clips(songs_of(70, 1))
    whole = np.concatenate([apart for _, apart in space.distances(rows(fake), passages)])
    single = np.concatenate([apart for _, apart in space.distances(rows(fake[3:4] + 6), passages)])
    assert single == pytest.approx(whole[3:4], abs=1e-3)


def test_silence_is_like_nothing(train: Mels):
    space = PassageSpace.fit(rows(clips(train)))
    quiet = clips(train)[:2].copy()
    quiet[:, :, 20:] = -80
    quiet[:, :, :20] += 40
    passages = space.embed(rows(quiet))
    (_, apart) = next(space.distances(rows(quiet), passages))
    assert (passages[:, -1] == 0).all()
    assert apart[0, 1] > 0.5


@pytest.mark.parametrize("shape", [(16, 16), (8, 64), (128, 323)])
def test_clips_of_any_shape_are_compared(shape: tuple[int, int]):
    rng = np.random.default_rng(0)
    train, fake, held = (rng.normal(-40, 9, (20, *shape)) for _ in range(3))
    fake[:9] = train[:9]
    assert shared_passages(rows(fake), rows(train), rows(held), frame_rate=43.07).test.copying


def test_what_cannot_be_compared_is_refused(train: Mels, monkeypatch: pytest.MonkeyPatch):
    flat = np.full((10, 64, 128), -80.0)
    with pytest.raises(InputError, match="no passage of the training clips sounds"):
        shared_passages(rows(clips(train)), rows(flat), rows(clips(songs_of(10, 4))))
    with pytest.raises(InputError, match="5 held-out songs are too few"):
        shared_passages(rows(clips(train)), rows(clips(train)), rows(clips(songs_of(5, 4))))
    monkeypatch.setattr(
        "affetti.metrics.passages.MAX_COMPARISONS", 80 * 90 * 5 * 65 - 1
    )  # 5 passages, 32 steps either way
    with pytest.raises(InputError, match=r"80 and 10 × 80 clips are too many"):
        shared_passages(rows(clips(train)), rows(clips(train)), rows(clips(songs_of(10, 4))))
