"""Aspects: what is there is turned into numbers, what is not is said."""

import numpy as np
import torch
from tests.material import write_corpus

from affetti.corpus import Corpus
from affetti.progress import silent
from affetti.signal.descriptors import harmony_descriptors
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.aspects import ASPECTS, Aspects, extract_aspects
from affetti.studies.audit.probes.phase_features import phase_features

SONGS, EACH = 12, 3
N = SONGS * EACH
ROWS = np.arange(1, N, 2)


def full(folder) -> Corpus:
    kinds = np.tile(["a", "b"], N // 2)
    return write_corpus(
        folder,
        SONGS,
        EACH,
        genre=np.repeat(np.tile(["pop", "rock"], SONGS // 2), EACH),
        section=np.tile(["verse", "chorus", "verse"], SONGS),
        instruments=np.where(kinds == "a", "piano|bass", "flute|bass"),
        lyrics=np.where(kinds == "a", "we laugh and dance", "we weep and mourn"),
        start=np.tile([0.0, 10.0, 20.0], SONGS),
    )


def test_aspects_of_some_clips(tmp_path, monkeypatch):
    waves = torch.randn(N, 150_000, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(AuditContext, "waveform", lambda _, row: waves[row])
    context = AuditContext(full(tmp_path / "c"), tmp_path / "audit")
    known = extract_aspects(context, ROWS, silent)
    assert known.names == ASPECTS
    assert known.missing == {}
    assert all(len(block) == len(ROWS) for block in known.features.values())
    np.testing.assert_array_equal(known.features["timbre"], np.tile([1.0, 0.0], (len(ROWS), 1)))  # flute, not piano
    np.testing.assert_allclose(known.features["lyrics"], np.tile([-1.0, 1.0], (len(ROWS), 1)))
    np.testing.assert_array_equal(known.features["genre"][0], [1.0, 0.0])
    size = round(6.0 * context.front_end.sample_rate)
    middle = context.central_excerpt(waves[ROWS[4]])
    first = max(0, (len(middle) - size) // 2)
    np.testing.assert_allclose(known.features["phase"][4], phase_features(middle[first : first + size], 22_050))
    np.testing.assert_array_equal(known.features["harmony"][4], harmony_descriptors(waves[ROWS[4]], 22_050))


def test_says_what_each_needs(tmp_path):
    known = extract_aspects(
        AuditContext(write_corpus(tmp_path / "c", SONGS, 1), tmp_path / "audit"), np.arange(SONGS), silent
    )
    assert known.names == ()
    for name, needs in zip(
        ASPECTS, ("words", "instruments", "two clips", "genre", "--keep-audio", "--keep-audio"), strict=True
    ):
        assert needs in known.missing[name]


def test_bands_of_one_aspect_come_together():
    rng = np.random.default_rng(0)
    songs = np.repeat(np.arange(20), 4).astype(str)
    base, one, two, other = (rng.standard_normal((80, dims)) for dims in (5, 1, 2, 1))
    y = np.column_stack([one[:, 0] + two[:, 0] + other[:, 0], base[:, 0]]) + 0.1 * rng.standard_normal((80, 2))
    features = {"lyrics": one, "lyrics:words": two, "genre": other}
    predicted = Aspects(features, {}).predict(base, y, songs)
    assert set(predicted) == {(), ("lyrics",), ("genre",), ("lyrics", "genre")}
    bands = linear_probe.cross_val_subsets(base, features, y, songs)
    np.testing.assert_array_equal(predicted[("lyrics",)], bands[("lyrics", "lyrics:words")])
    np.testing.assert_array_equal(predicted[("lyrics", "genre")], bands[("lyrics", "lyrics:words", "genre")])
