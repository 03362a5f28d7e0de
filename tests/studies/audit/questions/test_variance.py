"""The variance table: planted shares are found, others are not, and shares add up."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold
from tests.material import present, write_corpus

from affetti import metrics
from affetti.corpus import Corpus
from affetti.progress import silent
from affetti.studies.audit.answer import Answer, Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import added_variance, linear_probe
from affetti.studies.audit.probes.aspects import ASPECTS, STUDY_ASPECTS, Aspects
from affetti.studies.audit.questions import variance

SONGS, EACH = 60, 3
N = SONGS * EACH
SONG = np.repeat([f"song{i:02d}" for i in range(SONGS)], EACH)


def by_song(rng: np.random.Generator, dims: int) -> np.ndarray:
    return np.repeat(rng.standard_normal((SONGS, dims)), EACH, axis=0)


def drawn(seed: int, own: bool = False) -> tuple[np.ndarray, dict[str, np.ndarray], np.random.Generator]:
    """A log-mel of twelve features and six aspects, all independent.

    Clips of a song share their aspects, or, with ``own``, half of what makes them.
    """
    rng = np.random.default_rng(seed)
    base = by_song(rng, 12) + rng.standard_normal((N, 12))
    dims = dict(zip(STUDY_ASPECTS, (10, 6, 4, 3, 8), strict=True))
    features = {name: by_song(rng, d) + own * rng.standard_normal((N, d)) for name, d in dims.items()}
    other = np.random.default_rng([seed, 1])
    features["harmony"] = by_song(other, 5) + own * other.standard_normal((N, 5))
    return base, features, rng


def table(base, features, labels):
    return {m.name: m for m in variance.variance_table(base, Aspects(features, {}), labels, SONG)}


def test_a_label_that_is_the_instrument_gives_timbre_all_the_share():
    base, features, rng = drawn(0)
    plays = (features["timbre"] > 0).astype(float)
    features["timbre"] = plays
    label = plays @ rng.uniform(0.5, 1.5, plays.shape[1])
    result = table(base, features, np.column_stack([label, label + 0.01 * rng.standard_normal(N)]))
    assert present(result["timbre"].value) > 95
    assert present(result["timbre_last"].value) > 95
    assert all(abs(present(result[name].value)) < 2 for name in ASPECTS if name != "timbre")
    assert present(result["log_mel"].value) < 2
    shares = sum(present(result[name].value) for name in ASPECTS)
    assert present(result["total_known"].value) == pytest.approx(shares)
    # The study adds up five: without harmony, which shows nothing here.
    assert present(result["total"].value) == pytest.approx(shares, abs=1)


def test_a_label_that_the_log_mel_shows_gives_timbre_none():
    base, features, rng = drawn(1)
    tempo = base[:, :1] @ np.ones((1, 2)) + 0.3 * rng.standard_normal((N, 2))
    result = table(base, features, tempo)
    assert present(result["log_mel"].value) > 80
    assert all(abs(present(result[name].value)) < 1 for name in ASPECTS)


def test_two_aspects_that_say_the_same_share_it():
    base, features, rng = drawn(2)
    features["genre"] = features["timbre"].copy()
    label = features["timbre"][:, :1] + 0.5 * rng.standard_normal((N, 2))
    result = table(base, features, label)
    assert present(result["timbre"].value) == pytest.approx(present(result["genre"].value), abs=3)
    assert present(result["timbre"].value) + present(result["genre"].value) > 60
    assert abs(present(result["timbre_last"].value)) < 5


def test_false_alarms_are_rare_over_twenty_seeds():
    """Labels that only the log-mel predicts: a 95 % interval of a zero share rarely excludes 0."""
    result = dict.fromkeys(ASPECTS, 0)
    either_side = 0
    for seed in range(20):
        base, features, rng = drawn(seed)
        label = base[:, :3].sum(axis=1) + by_song(rng, 1)[:, 0] + rng.standard_normal(N)
        predicted = linear_probe.cross_val_subsets(base, features, label, SONG)
        for name in ASPECTS:
            lessened = linear_probe.shapley_contributions(predicted, name, label)
            low, high = metrics.bootstrap_ci(linear_probe.variance_share, lessened, label, groups=SONG, resamples=200)
            result[name] += low > 0
            either_side += low > 0 or high < 0
    assert max(result.values()) <= 2
    assert sum(result.values()) <= 6  # of 120
    assert either_side <= 10


def test_power_over_ten_seeds():
    """An aspect that explains a seventh of the variance."""
    hits, shares = 0, []
    for seed in range(10):
        base, features, rng = drawn(seed, own=True)
        label = base[:, :3].sum(axis=1) + features["genre"][:, 0] + 2 * rng.standard_normal(N)
        predicted = linear_probe.cross_val_subsets(base, features, label, SONG)
        lessened = linear_probe.shapley_contributions(predicted, "genre", label)
        low, _ = metrics.bootstrap_ci(linear_probe.variance_share, lessened, label, groups=SONG, resamples=200)
        hits += low > 0
        shares.append(linear_probe.variance_share(lessened, label))
    truth = 2 / (3 * 2 + 2 + 4)
    assert np.mean(shares) == pytest.approx(truth, abs=0.04)
    assert hits >= 9


def test_each_axis_and_their_mean():
    base, features, rng = drawn(3)
    labels = np.column_stack([features["lyrics"][:, 0], base[:, 0]]) + 0.5 * rng.standard_normal((N, 2))
    result = table(base, features, labels)
    assert present(result["lyrics_valence"].value) > 60
    assert abs(present(result["lyrics_arousal"].value)) < 2
    for name in ("lyrics", "log_mel", "total"):
        both = [present(result[f"{name}_{axis}"].value) for axis in ("valence", "arousal")]
        assert present(result[name].value) == pytest.approx(np.mean(both))
    predicted = linear_probe.cross_val_subsets(base, features, labels, SONG)
    assert present(result["lyrics_valence"].value) == pytest.approx(
        100 * linear_probe.shapley_r2({chosen: p[:, 0] for chosen, p in predicted.items()}, "lyrics", labels[:, 0])
    )


def test_intervals_with_refits_are_wider_than_those_of_fixed_fits():
    base, features, rng = drawn(5, own=True)
    features = {name: features[name] for name in ("timbre", "genre")}
    label = base[:, :3].sum(axis=1) + features["genre"][:, 0] + 2 * rng.standard_normal(N)
    labels, known = np.column_stack([label, label]), Aspects(features, {})
    kept, again = (
        {m.name: m for m in variance.variance_table(base, known, labels, SONG, refits=refits)} for refits in (0, 40)
    )
    predictions = known.predict(base, labels, SONG)
    lessened = linear_probe.shapley_contributions(predictions, "genre", labels)
    fixed = metrics.bootstrap_ci(variance._share_percent, lessened, labels, groups=SONG)
    widths = [ci[1] - ci[0] for ci in (fixed, present(kept["genre"].ci), present(again["genre"].ci))]
    assert widths[1] == pytest.approx(1.5 * widths[0])
    assert widths[2] > widths[0]
    assert kept["genre"].value == again["genre"].value
    low, high = present(again["genre"].ci)
    assert low <= present(again["genre"].value) <= high


def test_order_of_rows_does_not_matter():
    base, features, rng = drawn(4)
    features = {name: features[name] for name in ("timbre", "genre")}
    labels = features["timbre"][:, :2] + rng.standard_normal((N, 2))
    order = rng.permutation(N)
    lacking: dict[str, str] = dict.fromkeys(("lyrics", "structure", "phase"), "it")
    there = variance.variance_table(base, Aspects(features, lacking), labels, SONG)
    turned = Aspects({name: block[order] for name, block in features.items()}, lacking)
    back = variance.variance_table(base[order], turned, labels[order], SONG[order])
    for one, other in zip(there, back, strict=True):
        assert one.value is other.value is None or one.value == pytest.approx(other.value, abs=1e-8)


def test_an_aspect_that_is_not_given_is_lacking():
    base, features, rng = drawn(6)
    labels = features["timbre"][:, :2] + rng.standard_normal((N, 2))
    by_name = {
        m.name: m for m in variance.variance_table(base, Aspects({"timbre": features["timbre"]}, {}), labels, SONG)
    }
    assert by_name["timbre"].value is not None
    assert by_name["total_known"].value is not None
    for name in ("lyrics", "genre_last", "total"):
        assert by_name[name].value is None
        assert "not measurable here" in by_name[name].note


def test_a_share_reports_the_number_of_folds_that_selected_the_group():
    base, features, rng = drawn(7)
    label = features["timbre"][:, 0] + 0.5 * rng.standard_normal(N)
    useless = {"timbre": features["timbre"], "genre": np.zeros((N, 1))}
    lacking: dict[str, str] = dict.fromkeys(("lyrics", "structure", "phase"), "it")
    by_name = {
        m.name: m
        for m in variance.variance_table(base, Aspects(useless, lacking), np.column_stack([label, label]), SONG)
    }
    assert by_name["timbre"].note == ""
    assert by_name["genre"].ci is None
    assert by_name["genre"].note == added_variance.NEVER_SELECTED
    assert by_name["log_mel"].ci is not None


@pytest.mark.parametrize("folds", range(6))
def test_where_a_group_was_left_out_in_some_folds_its_narrow_interval_is_explained(folds):
    changed = np.zeros((N, 2))
    for _, test in list(GroupKFold(linear_probe.N_FOLDS).split(changed, groups=SONG))[:folds]:
        changed[test[:1], 1] = 0.1
    assert linear_probe.n_folds_selected(changed, SONG) == folds
    result = added_variance.with_selection_note(
        Measurement("genre", "…", 0.1, (0.05, 0.15), SONGS, note="odd"), changed, SONG
    )
    if folds == 0:
        assert result.ci is None
    elif folds < linear_probe.N_FOLDS:
        assert result.ci == (0.05, 0.15)
        assert result.note.startswith(f"odd; it was selected in {folds} of 5 folds only")
    else:
        assert result.note == "odd"


# A corpus


def ask(corpus: Corpus, folder: Path) -> Answer:
    return variance.QUESTION.measure(AuditContext(corpus, folder / "audit", quick=True), silent)


def test_a_corpus_whose_label_is_the_instrument(tmp_path):
    rng = np.random.default_rng(5)
    songs, each = 40, 3
    n = songs * each
    plays = np.repeat(rng.choice(["piano", "flute", "violin"], songs), each)
    labels = np.column_stack(
        [np.select([plays == "piano", plays == "flute"], [0.5, 0.0], -0.5), rng.uniform(-0.5, 0.5, n)]
    )
    columns = {
        "instruments": plays,
        "genre": np.repeat(rng.choice(["pop", "rock"], songs), each),
        "section": rng.choice(["verse", "chorus"], n),
        "lyrics": rng.choice(["we laugh", "they weep", "you sit"], n),
        "start": np.tile([0.0, 10.0, 20.0], songs),
    }
    answer = ask(write_corpus(tmp_path / "c", songs, each, labels=labels, **columns), tmp_path)
    assert present(answer["timbre_valence"].value) > 90
    assert present(answer["timbre_valence"].ci)[0] > 80
    assert all(abs(present(answer[f"{name}_valence"].value)) < 3 for name in ("lyrics", "structure", "genre"))
    assert abs(present(answer["timbre_arousal"].value)) < 3
    assert answer["phase"].value is None
    assert answer["total"].value is None
    assert "--keep-audio" in answer["total"].note
    assert answer["total_known"].value is not None
    assert present(answer.intervals).names == ("lyrics", "timbre", "structure", "genre")
    assert "Not measurable here: phase, harmony." in answer.sentence


def test_a_corpus_with_labels_only(tmp_path):
    answer = ask(write_corpus(tmp_path / "c", 12, 1), tmp_path)
    assert answer["log_mel"].value is not None
    assert all(answer[name].value is None and answer[name].note for name in (*ASPECTS, "total", "total_known"))
    assert answer.intervals is None
    assert answer["noise_valence"].value is not None


@pytest.mark.parametrize(("songs", "each"), [(1, 3), (3, 1)])
def test_few_songs(tmp_path, songs, each):
    answer = ask(write_corpus(tmp_path / "c", songs, each, instruments=["piano", "flute", "flute"]), tmp_path)
    assert all(m.value is None for m in answer.measurements if not m.name.startswith("noise"))
    assert "fewer than 5 folds" in answer.sentence


def test_silence(tmp_path):
    corpus = write_corpus(tmp_path / "c", 12, 2, instruments=["piano", "flute"] * 12)
    np.save(corpus.path / "mel.npy", np.full(corpus.mel.shape, -80, np.float16))
    answer = ask(Corpus.open(corpus.path), tmp_path)
    assert present(answer["log_mel"].value) < 10


def test_a_composed_corpus_says_that_it_is_a_check(corpus, tmp_path):
    answer = ask(corpus, tmp_path)
    assert any("only checks what the composer planted" in caution for caution in answer.cautions)
    assert all(name in answer.sentence for name in ASPECTS)
