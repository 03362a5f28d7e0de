"""Mix of genres that generators make."""

from pathlib import Path

import numpy as np
import pytest
from tests.material import present, write_corpus

from affetti.corpus import Corpus
from affetti.errors import InputError
from affetti.storage import read_json, write_json
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import genre_mix

SONGS = 40
GENRE = np.repeat(np.tile(["pop", "rock"], SONGS // 2), 2)
TRAINED = [f"song{i}" for i in range(24)]


def shown(folder: Path, kinds: np.ndarray) -> Corpus:
    """A corpus whose log-mels show the genre."""
    corpus = write_corpus(folder, len(kinds) // 2, 2, genre=kinds)
    mel = np.asarray(corpus.mel).copy()
    mel[:, 30:50] += np.where(kinds == "rock", 30, -30)[:, None, None].astype(np.float16)
    np.save(folder / "mel.npy", mel)
    return Corpus.open(folder)


def generated(folder: Path, kinds: np.ndarray, songs: list[str] = TRAINED) -> Path:
    shown(folder, kinds)
    meta = read_json(folder / "corpus.json")
    write_json(folder / "corpus.json", meta | {"provenance": {"training_songs": songs}})
    return folder


def test_variation_in_closed_form():
    codes, other = np.array([0, 0, 1, 1, 0, 1, 1, 2]), np.array([False] * 4 + [True] * 4)
    assert genre_mix.total_variation(codes, other) == pytest.approx(50 * (0.25 + 0 + 0.25))
    assert genre_mix.total_variation(codes, ~other) == genre_mix.total_variation(codes, other)
    with pytest.raises(InputError, match="no clips"):
        genre_mix.total_variation(codes, np.zeros(8, bool))


def test_by_chance_is_the_mean_deviation_of_binomials():
    """Two genres, each half of the clips; n songs of one clip against n clips."""
    n = 400
    codes, songs = np.tile([0, 1], n // 2), np.arange(n).astype(str)
    result = genre_mix.chance_variation(codes, songs, n, np.random.default_rng(0)).mean()
    # p̂ − q̂ is nearly normal, of variance 2 · ¼ / n; the distance is its size, of mean σ √(2/π).
    assert result == pytest.approx(100 * np.sqrt(0.5 / n) * np.sqrt(2 / np.pi), rel=0.1)


def test_finds_a_generator_that_makes_one_genre_alone(tmp_path):
    real = shown(tmp_path / "real", GENRE)
    one = generated(tmp_path / "one", np.full(40, "rock"))
    alike = generated(tmp_path / "alike", GENRE[:40])
    context = AuditContext(real, tmp_path / "audit", generated=(("flow", one), ("gan", alike)))
    by_name = {m.name: m for m in genre_mix.mix_shift(context)}
    assert by_name["mix_shift_flow"].value == pytest.approx(50, abs=1)
    assert present(by_name["mix_shift_flow"].ci)[0] > present(by_name["mix_shift_by_chance_flow"].ci)[1] - 10
    assert present(by_name["mix_shift"].value) <= present(by_name["mix_shift_by_chance"].ci)[1]
    assert by_name["mix_shift"].n == 40


def test_says_what_is_lacking(tmp_path):
    real = shown(tmp_path / "real", GENRE)
    none = genre_mix.mix_shift(AuditContext(real, tmp_path / "audit"))
    assert [m.name for m in none] == ["mix_shift", "mix_shift_by_chance"]
    assert all(m.value is None for m in none)
    assert all("give --models" in m.note for m in none)
    unknown = generated(tmp_path / "unknown", GENRE[:40], songs=[])
    heard_all = generated(tmp_path / "all", GENRE[:40], songs=[f"song{i}" for i in range(SONGS)])
    for path in (unknown, heard_all):
        first, *_ = genre_mix.mix_shift(AuditContext(real, tmp_path / "audit", generated=(("flow", path),)))
        assert (first.name, first.value) == ("mix_shift", None)
