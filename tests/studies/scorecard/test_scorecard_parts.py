"""The parts of the scorecard, each on its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import RATE, music
from tests.material import mels, present, write_corpus

from affetti import api, metrics
from affetti.corpus import Corpus
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.presets import mel_front_end
from affetti.signal import audio
from affetti.signal.front_ends import band_frequencies
from affetti.signal.mel import mel_filters
from affetti.studies.scorecard.conditioning import conditioning
from affetti.studies.scorecard.copy_results import NearestPair
from affetti.studies.scorecard.emotion_predictions import EmotionPredictions
from affetti.studies.scorecard.measurement import Measure
from affetti.studies.scorecard.measures import REGISTRY, Entry, MeasureInput, compute_measures
from affetti.studies.scorecard.memorisation import clip_digests, count_contained, unseen_rows
from affetti.studies.scorecard.plot_data import plot_arrays, save
from affetti.studies.scorecard.result import RegressorSource, Scorecard


@pytest.fixture
def arrays(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Real and synthetic log-mels of 24 songs each, and blurred ones; ``train.npy`` lies beside them."""
    np.save(tmp_path / "train.npy", mels(24, (16, 64), 2).numpy().astype(np.float16))
    real, fake = (mels(24, (16, 64), seed).numpy() for seed in (0, 1))
    for name, rows in (("real", real), ("fake", fake), ("blurred", np.repeat(fake[:, :, ::8], 8, axis=2))):
        np.save(tmp_path / f"{name}.npy", rows.astype(np.float16))
    return tmp_path / "real.npy", tmp_path / "fake.npy", tmp_path / "blurred.npy"


def test_a_collapsed_generator_has_no_response_and_a_reason() -> None:
    labels = np.random.default_rng(0).uniform(-1, 1, (12, 2))
    real, fake = (ClipSet(name, mels(12, (4, 8), 0).numpy(), np.arange(12).astype(str), labels) for name in "rf")
    same = np.full((12, 2), 0.25)
    predictions = EmotionPredictions(RegressorSource("run", "student"), same, real, labels)
    response = conditioning(fake, predictions, seed=0)
    assert response is not None
    for axis in response.axes().values():
        assert axis.reason == "the regressor predicts the same emotion of every clip"
        assert axis.slope is None and axis.relative is None and axis.permuted is None
        assert axis.real is not None and axis.real.slope.value == pytest.approx(1)
    undecided = conditioning(fake, replace(predictions, fake=labels, real=same), seed=0)
    assert undecided is not None and undecided.valence.reason is None
    assert undecided.valence.real is None and undecided.valence.relative is None and undecided.valence.slope is not None


def clip_set(rows: np.ndarray, name: str = "set") -> ClipSet:
    return ClipSet(name, rows, np.array([f"{name}{i}" for i in range(len(rows))]))


def test_every_measure_is_in_the_document_and_is_opened_again(arrays: tuple[Path, Path, Path]) -> None:
    card = api.score.run(*arrays[:2], train=arrays[0].with_name("train.npy"), against=arrays[2])
    result = card.to_dict()
    assert Scorecard.from_dict(json.loads(json.dumps(result))) == card
    for name in ("frechet", "frechet_infinity"):
        assert "24 real and 24 synthetic songs are too few for 96 features. Give" in result[name]["reason"], name
    for name in ("kernel", "sliced_wasserstein"):
        assert result[name]["ci"][0] <= result[name]["value"] <= result[name]["ci"][1], name
    for name in ("clipped_density", "clipped_coverage"):
        assert 0 <= result[name]["ci"][0] <= result[name]["ci"][1] <= 1
        assert result[name]["floor"] is not None
    for name in ("level", "modulation", "onset_rate", "onset_strength"):
        assert result["spectrogram"][name]["ci"] is not None
    assert list(result["spectrogram"]["bands"]) == [str(band + 1) for band in range(16)]
    assert "needs labels" in result["joint"]["reason"]
    assert "reason" in result["strata"]["quadrant"]
    assert result["data_copying"]["seed"] == 0
    assert len(result["nearest_pairs"]) == 20
    assert result["nearest_pairs"][0]["fake"].startswith("fake.npy[")
    intervals = {"nearer_train", "authentic", "authentic_control", "distance_ratio", "share"}
    assert set(result["memorisation"]["ci"]) == intervals
    assert result["contains_real"] == 0
    json.dumps(result, allow_nan=False)


def test_two_generators_are_compared_on_the_same_songs(arrays: tuple[Path, Path, Path]) -> None:
    other = api.score.run(*arrays[:2], against=arrays[2]).to_dict()["against"]
    difference = other["kernel"]["difference"]
    assert difference["ci"][1] < 0
    assert difference["value"] == pytest.approx(other["kernel"]["first"]["value"] - other["kernel"]["second"]["value"])
    assert other["kernel"]["p"] < 0.05
    assert "24 real and 24 synthetic songs are too few for 96 features" in other["frechet"]["reason"]
    assert other["quality"]["difference"]["ci"][0] > 0
    assert other["fake"] == str(arrays[2])
    same = api.score.run(*arrays[:2], against=arrays[1]).to_dict()["against"]
    assert same["quality"]["difference"]["ci"][0] <= 0 <= same["quality"]["difference"]["ci"][1]


def test_real_clips_in_the_synthetic_set_are_counted(tmp_path: Path, arrays: tuple[Path, Path, Path]) -> None:
    rows = np.load(arrays[1]).astype(np.float32)
    rows[[1, 5, 7]] = np.load(arrays[0])[[0, 2, 4]]  # another type of number, another order
    np.save(tmp_path / "mixed.npy", rows)
    card = api.score.run(arrays[0], tmp_path / "mixed.npy", against=arrays[2])
    assert card.contains_real == 3
    assert card.against is not None
    assert card.against.contains_real == 0
    silent = np.full((4, 8, 16), -80, np.float16)
    assert clip_digests(clip_set(silent)) == [None] * 4
    assert (
        count_contained(
            clip_digests(clip_set(silent)), clip_digests(clip_set(silent)), (clip_set(silent), clip_set(silent))
        )
        == 0
    )


def test_one_recording_in_both_sets_is_detected_by_its_bytes(tmp_path: Path) -> None:
    for name, first in (("real", 0), ("fake", 50)):
        (tmp_path / name).mkdir()
        for i in range(3):
            audio.save(tmp_path / name / f"{i}.wav", music(first + i, 6.0), RATE)
    (tmp_path / "fake/copy.wav").write_bytes((tmp_path / "real/1.wav").read_bytes())
    real, fake = (open_clip_set(tmp_path / name, front=mel_front_end("tiny")) for name in ("real", "fake"))
    nothing: list[bytes | None] = [None] * 4
    assert count_contained(nothing, nothing, (fake, real)) == 1
    assert count_contained(clip_digests(fake), clip_digests(real), (fake, real)) == 1


def test_a_value_that_is_not_finite_is_reported_with_its_clip() -> None:
    rows = mels(70, (8, 16)).numpy()
    rows[66, 2, 3] = np.inf
    with pytest.raises(InputError, match="set, clip 66: a value is not finite"):
        clip_digests(clip_set(rows))


def test_quadrants_and_genres_are_compared_on_as_many_songs(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    rng = np.random.default_rng(0)
    labels = np.concatenate([rng.uniform(0.1, 0.9, (20, 2)), rng.uniform(-0.9, -0.1, (12, 2)), [[-0.5, 0.5]] * 2])
    genres = ["rock", "jazz"] * 17
    real = write_corpus(tmp_path / "real", 34, 1, labels=labels, genre=genres)
    fake = write_corpus(tmp_path / "fake", 34, 1, labels=labels[::-1].copy(), genre=genres)
    result = api.score.run(real.path, fake.path, regressor=run_of("baseline")).to_dict()
    kernel = result["strata"]["quadrant"]["kernel"]
    assert {name: stratum["drawn"] for name, stratum in kernel.items()} == {"Q1": 12, "Q2": 0, "Q3": 12}
    assert "at least 8" in kernel["Q2"]["reason"]
    assert kernel["Q1"]["result"]["floor"] is not None
    assert result["strata"]["genre"]["kernel"]["jazz"]["drawn"] == 17
    errors = result["strata"]["quadrant"]["valence_error"]
    assert errors["Q1"]["result"]["value"] > 0
    assert errors["Q1"]["result"]["floor"] > 0
    joint = result["joint"]
    assert joint["null"][0] <= joint["null"][1] <= joint["null"][2]
    assert joint["permutations"] == 199


def test_bands_are_named_by_the_frequency_their_filters_peak_at() -> None:
    front = mel_front_end("tiny")
    hertz = mel_filters(front).argmax(axis=1) * front.sample_rate / front.n_fft
    np.testing.assert_allclose(band_frequencies(front)[20:], hertz[20:], atol=front.sample_rate / front.n_fft)


def test_plot_data_are_what_their_names_say(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real, fake = (clip_set(mels(30, (16, 64), seed).numpy() + 3 * seed, f"s{seed}") for seed in (0, 1))
    x, y = rng.normal(size=(30, 5)) * [9, 3, 1, 1, 1], rng.normal(size=(30, 5)) + 2
    result = plot_arrays(real, fake, x, y, real, [NearestPair("a", "b", None, None, 3, 7, "song", 0.0, None)])
    share = np.linalg.eigvalsh(np.cov(x.T))[::-1][:2] / np.cov(x.T).trace()
    np.testing.assert_allclose(result["map_share"], share)
    np.testing.assert_allclose(np.cov(result["map_real"].T)[0, 1], 0, atol=1e-4)
    np.testing.assert_allclose(result["level_fake"][0], fake.mel.mean(axis=(0, 2)), atol=1e-3)
    np.testing.assert_array_equal(result["pairs_train"][0], real.mel[7].astype(np.float16))
    save(tmp_path / "pictures.npz", result)
    with np.load(tmp_path / "pictures.npz", allow_pickle=False) as held:
        assert set(held.files) == set(result)
    tone = np.zeros((4, 8, 64))
    tone += 10 * np.cos(2 * np.pi * 8 * np.arange(64) / 64)  # eight swings a clip, of variance 50
    swings = plot_arrays(clip_set(tone), clip_set(tone), x, y, None, [])
    peak = int(swings["modulation_real"][0].argmax())
    assert swings["rate"][peak] == pytest.approx(8 / 64, rel=0.15)
    assert "pairs_fake" not in swings


def test_plot_data_are_written_with_the_scorecard_only(tmp_path: Path, arrays: tuple[Path, Path, Path]) -> None:
    api.score.run(*arrays[:2], out=tmp_path / "card")
    files = ["pictures.npz", "result.json", "typicality.parquet"]
    assert sorted(path.name for path in (tmp_path / "card").iterdir()) == files


@pytest.fixture
def measure_input() -> MeasureInput:
    rng = np.random.default_rng(0)
    sets = [clip_set(mels(12, (8, 16), seed).numpy(), f"s{seed}") for seed in (0, 1)]
    return MeasureInput(sets[0], sets[1], rng.normal(size=(12, 4)), rng.normal(size=(12, 4)), 0)


def test_a_measure_that_cannot_be_taken_has_a_reason_and_no_number(measure_input: MeasureInput) -> None:
    result = compute_measures(measure_input)
    assert result["frechet_infinity"].value is None
    assert "12 songs are too few to extrapolate from" in str(result["frechet_infinity"].reason)
    assert result["kernel"].reason is None
    rows, songs = (measure_input.real_rows, measure_input.fake_rows), measure_input.songs
    assert result["frechet"] == Measure.of(metrics.frechet(*rows, songs, 0))
    assert result["frechet"].floor is not None
    more = np.random.default_rng(1).normal(size=(2, 12, 9))
    few = compute_measures(replace(measure_input, real_rows=more[0], fake_rows=more[1]))
    assert few["frechet"] == Measure.unavailable(
        "Fréchet distance: 12 real and 12 synthetic songs are too few for 9 features. Give 18 and 9 or more, "
        "or fewer features, or read the kernel distance"
    )
    assert few["kernel"].value is not None
    alike = replace(measure_input, real_rows=np.ones((12, 4)))
    with pytest.raises(InputError, match="the median distance is 0"):
        compute_measures(alike)


def test_an_entry_is_all_that_a_new_measure_needs(measure_input: MeasureInput) -> None:
    def distance_of_means(given: MeasureInput) -> Measure:
        return Measure(float(np.linalg.norm(given.real_rows.mean(axis=0) - given.fake_rows.mean(axis=0))))

    entry = Entry("means", "distance of means", "lower", "how far the means lie apart", distance_of_means)
    result = compute_measures(measure_input, registry=(*REGISTRY, entry))
    assert list(result) == [*(known.key for known in REGISTRY if known.compute is not None), "means"]
    assert result["means"].value == pytest.approx(
        np.linalg.norm(measure_input.real_rows.mean(axis=0) - measure_input.fake_rows.mean(axis=0))
    )


def test_every_measure_is_described_once_and_in_the_reference() -> None:
    keys = [entry.key for entry in REGISTRY]
    assert len(set(keys)) == len(keys)
    reference = Path(__file__).parents[3].joinpath("docs/reference/files.md").read_text(encoding="utf-8")
    for entry in REGISTRY:
        assert entry.key in reference, entry.key
        assert entry.title
        assert entry.meaning
        assert not entry.meaning.endswith(".")


def test_a_scorecard_of_the_first_version_is_opened(arrays: tuple[Path, Path, Path]) -> None:
    card = api.score.run(*arrays[:2], against=arrays[2])
    document = card.to_dict()
    document["heard"], document["reader"] = document.pop("trained_on"), document.pop("regressor")
    nothing = {"value": None, "ci": None, "floor": None, "reason": "too few"}
    document["joint"] = document["data_copying"] = document["against"]["kernel"] = nothing
    document["strata"]["quadrant"] = {"kernel": {"reason": "no row"}}
    document["kernel"].pop("reason")
    opened = Scorecard.from_dict(json.loads(json.dumps(document)))
    assert (opened.trained_on, opened.regressor) == (card.trained_on, card.regressor)
    assert opened.joint.reason == "too few"
    assert opened.against is not None
    assert opened.against.kernel.reason == "too few"
    assert opened.strata.quadrant.kernel is None
    assert opened.strata.quadrant.reason == "no row"
    assert opened.measures["kernel"] == card.measures["kernel"]


@pytest.mark.parametrize("change", [{"vendi": {"value": "many"}}, {"verdict": 3}, {"n_real": None}])
def test_a_document_that_is_not_a_scorecard_is_refused(arrays: tuple[Path, Path, Path], change: dict[str, Any]) -> None:
    document = {**api.score.run(*arrays[:2]).to_dict(), **change}
    with pytest.raises(StorageError, match="cannot be read"):
        Scorecard.from_dict(document)


def test_a_copy_is_the_nearest_pair_and_is_named(tmp_path: Path, corpus: Corpus, made: Callable[..., Path]) -> None:
    part = corpus.fold(0)
    rows = np.array(Corpus.open(made("flow")).mel[:20])
    rows[4] = corpus.mel[part.train[11]]
    rows[7] = rows[5]
    rows[7, :, :64] = corpus.mel[part.train[12]][:, 64:]
    np.save(tmp_path / "copied.npy", rows)
    card = api.score.run(corpus.path, tmp_path / "copied.npy", fold=0)
    passages, pairs = card.passages, card.nearest_pairs
    assert passages is not None
    assert pairs is not None
    assert {pair.fake for pair in passages.pairs[:2]} == {"copied.npy[4]", "copied.npy[7]"}
    halved = next(pair for pair in passages.pairs if pair.fake == "copied.npy[7]")
    assert (halved.train_row, halved.quantile) == (part.train[12], 0)
    assert halved.distance == pytest.approx(0, abs=1e-3)
    assert passages.n == (20, len(np.unique(corpus.songs[part.test])))
    assert pairs[0].fake == "copied.npy[4]"
    assert pairs[0].train == corpus.clips["clip_id"].iloc[part.train[11]]
    assert (pairs[0].distance, pairs[0].train_row) == (0, part.train[11])


def test_songs_in_the_training_set_are_left_out_of_the_search_for_copies(arrays: tuple[Path, Path, Path]) -> None:
    real, train = open_clip_set(arrays[0]), open_clip_set(arrays[0].with_name("train.npy"))
    two_a_song = replace(real, songs=np.array([f"song{row // 2}" for row in range(24)]))
    mixed = clip_set(np.concatenate([train.mel, real.mel[5:6]]))
    assert unseen_rows(real, clip_digests(real), train, clip_digests(train)).tolist() == list(range(24))
    rows = unseen_rows(two_a_song, clip_digests(real), mixed, clip_digests(mixed))
    assert rows.tolist() == [*range(4), *range(6, 24)]  # the other clip of that song is no fresh music either
    with pytest.raises(MismatchError, match="24 of the 24 songs"):
        api.score.run(*arrays[:2], train=arrays[0])


def test_songs_of_a_training_corpus_are_recognised_by_their_ids(corpus: Corpus) -> None:
    real = open_clip_set(corpus.path)
    half = real.subset(np.flatnonzero(np.isin(real.songs, np.unique(real.songs)[::2])))
    altered = replace(half, mel=np.asarray(half.mel) + np.float16(1))
    rows = unseen_rows(real, clip_digests(real), altered, clip_digests(altered))
    assert set(real.songs[rows]) == set(np.unique(real.songs)[1::2])


def test_several_generators_are_compared_at_once(arrays: tuple[Path, Path, Path]) -> None:
    third = arrays[0].with_name("train.npy")
    card = api.score.run(*arrays[:2], against=[arrays[2], third])
    assert [other.fake for other in card.comparisons] == [str(arrays[2]), str(third)]
    assert card.against == card.comparisons[0]
    alone = api.score.run(*arrays[:2], against=arrays[2]).comparisons[0]
    assert "too few for 96 features" in str(card.comparisons[0].frechet.reason)
    for name in ("kernel", "quality"):
        single, several = getattr(alone, name), getattr(card.comparisons[0], name)
        assert single.difference == several.difference
        assert single.simultaneous is None
        low, high = several.simultaneous
        assert low < several.difference.ci[0] < several.difference.ci[1] < high
        assert several.deciding == several.simultaneous
        assert single.deciding == single.difference.ci
    # Of a normal statistic 97.5 % are within 2.2414 deviations, 95 % within 1.96.
    low, high = present(card.comparisons[0].quality.simultaneous)
    ci = present(present(alone.quality.difference).ci)
    assert (high - low) / (ci[1] - ci[0]) == pytest.approx(2.2414 / 1.9600, abs=1e-4)
    assert Scorecard.from_dict(json.loads(json.dumps(card.to_dict()))) == card


def test_a_scorecard_with_one_comparison_alone_still_opens(arrays: tuple[Path, Path, Path]) -> None:
    card = api.score.run(*arrays[:2], against=arrays[2])
    document = card.to_dict()
    del document["comparisons"], document["against"]["control"], document["requested"]
    for part in ("frechet", "kernel", "quality"):
        del document["against"][part]["simultaneous"]
    opened = Scorecard.from_dict(document)
    assert [other.fake for other in opened.compared()] == [str(arrays[2])]


def test_control_of_an_array_is_that_of_the_corpus_it_was_saved_from(
    corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    synthetic = Corpus.open(made("flow"))
    np.save(tmp_path / "made.npy", np.asarray(synthetic.mel))
    lines = [f"{row},{v!r},{a!r}" for row, (v, a) in enumerate(synthetic.labels.tolist())]
    (tmp_path / "conditions.csv").write_text("\n".join(["file,valence,arousal", *lines]))
    ours, theirs = (
        api.score.run(corpus.path, fake, fold=0, regressor=run_of("baseline"), conditions=conditions)
        for fake, conditions in ((synthetic.path, ()), (tmp_path / "made.npy", [tmp_path / "conditions.csv"]))
    )
    for axis, expected in present(ours.conditioning).axes().items():
        response = present(theirs.conditioning).axes()[axis]
        assert response.real == expected.real
        for name in ("slope", "correlation", "ccc", "mae", "bias"):
            value = present(getattr(expected, name)).value
            assert present(getattr(response, name)).value == pytest.approx(value, abs=1e-5)
        low, mean, high = present(response.permuted).correlation
        assert low < mean < high
    assert present(theirs.requested).conditions == (str(tmp_path / "conditions.csv"),)


def test_differences_of_control_have_their_sign_and_their_intervals(
    corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Real clips requested as their labels follow them; with the requests of others they do not."""
    synthetic, fold = Corpus.open(made("flow")), corpus.fold(0)
    rows = np.concatenate([fold.train, fold.test])
    np.save(tmp_path / "right.npy", np.asarray(corpus.mel)[rows])
    right = corpus.labels[rows]
    for name, labels in (("right", right), ("wrong", np.roll(right, len(right) // 2, axis=0))):
        lines = [f"{row},{v!r},{a!r}" for row, (v, a) in enumerate(labels.tolist())]
        (tmp_path / f"{name}.csv").write_text("\n".join(["file,valence,arousal", *lines]))
    (tmp_path / "wrong.npy").write_bytes((tmp_path / "right.npy").read_bytes())
    card = api.score.run(
        corpus.path,
        tmp_path / "right.npy",
        against=[tmp_path / "wrong.npy", synthetic.path],
        regressor=run_of("baseline"),
        conditions=[tmp_path / "right.csv", tmp_path / "wrong.csv"],
    )
    wrong, flow = (present(other.control) for other in card.comparisons)
    assert present(wrong.arousal).correlation.value > 0
    assert present(wrong.arousal).bias.value < 0
    for part in (present(wrong.arousal).slope, present(flow.arousal).slope):
        assert present(part.simultaneous)[0] <= part.ci[0] <= part.value <= part.ci[1] <= present(part.simultaneous)[1]


def test_conditions_without_a_regressor_and_of_another_number_are_refused(
    arrays: tuple[Path, Path, Path], corpus: Corpus, tmp_path: Path
) -> None:
    table = tmp_path / "conditions.csv"
    table.write_text("file,valence,arousal\n" + "".join(f"{row},{row / 24:g},0\n" for row in range(24)))
    with pytest.raises(UsageError, match="nothing here predicts the emotions"):
        api.score.run(*arrays[:2], conditions=[table])
    with pytest.raises(UsageError, match="3 tables, but 2 without conditions"):
        api.score.run(corpus.path, arrays[1], against=arrays[2], conditions=[table] * 3)
