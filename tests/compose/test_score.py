from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from affetti.compose import score
from affetti.compose.arrangement import Note, Section
from affetti.compose.cues import valence_arousal
from affetti.compose.lyrics import INSTRUMENTAL_SHARE, SUNG_SECTIONS, valence_of
from affetti.compose.score import Song, compose, genre_of, reword
from affetti.compose.styles import GENRES, STYLES, chord
from affetti.errors import InputError, UsageError

SONGS = [compose(0, index) for index in range(40)]


def melody_of(song: Song, section: Section) -> list[Note]:
    end = section.start + section.duration
    return [n for n in song.parts[0].notes if section.start - 1e-6 <= n.start < end - 1e-6]


PASSAGES = [(song, section, melody_of(song, section)) for song in SONGS for section in song.sections]


def test_a_song_depends_on_seed_and_index_alone() -> None:
    assert compose(3, 7) == compose(3, 7)
    assert compose(3, 7).parts != compose(3, 8).parts
    assert compose(3, 7).parts != compose(4, 7).parts


def test_the_notes_of_a_seed_are_frozen() -> None:
    # Taken before songs had words: old seeds keep their notes and cues.
    notes = [
        [part.name, part.program, [[round(n.start, 6), round(n.duration, 6), n.pitch, n.velocity] for n in part.notes]]
        for part in SONGS[0].parts
    ]
    cues = [[s.name, s.cues.mode, round(s.cues.tempo, 6), round(s.cues.register, 6)] for s in SONGS[0].sections]
    frozen = sha256(json.dumps([notes, cues]).encode()).hexdigest()
    assert frozen == "0799698cff287dadd7dc14f3ad81a54f8a1d13c83cc72aaf0634dedf74fc1c43"


def test_songs_last_about_a_minute_in_eight_sections_that_hold_a_clip() -> None:
    for song in SONGS:
        assert len(song.sections) == 8
        assert 49.6 <= song.duration <= 80.0
        assert all(6.2 - 1e-9 <= section.duration <= 10.0 for section in song.sections)
        ends = [section.start + section.duration for section in song.sections]
        assert [section.start for section in song.sections[1:]] == pytest.approx(ends[:-1])
        assert ends[-1] == song.duration
        assert max(n.start + n.duration for part in song.parts for n in part.notes) <= song.duration + 1e-6
    assert np.mean([song.duration for song in SONGS]) == pytest.approx(60.0, abs=4.0)


def test_genre_is_balanced_and_says_nothing_about_the_cues() -> None:
    songs = [(genre_of(0, i), compose(0, i).sections[0].cues) for i in range(200)]
    genres = np.array([genre for genre, _ in songs])
    assert {genre: int((genres == genre).sum()) for genre in GENRES} == dict.fromkeys(GENRES, 40)
    for cue in ("register", "tempo", "level", "articulation"):
        values = np.array([getattr(cues, cue) for _, cues in songs])
        within = np.array([values[genres == genre].mean() for genre in GENRES])
        assert np.abs(within - values.mean()).max() < 3.5 * values.std() / 40**0.5, cue
    major = np.array([cues.mode == "major" for _, cues in songs])
    assert all(abs(major[genres == genre].mean() - major.mean()) < 0.28 for genre in GENRES)


def test_melody_rate_follows_the_tempo_cue() -> None:
    for _, section, notes in PASSAGES:
        assert len(notes) / section.duration == pytest.approx(section.cues.tempo)


def test_melody_register_follows_its_cue() -> None:
    errors = np.array([np.mean([n.pitch for n in notes]) - section.cues.register for _, section, notes in PASSAGES])
    assert np.abs(errors).max() < 1.5
    assert abs(errors.mean()) < 0.15


def test_melody_articulation_is_exactly_its_cue() -> None:
    for _, section, notes in PASSAGES:
        onsets = np.array([n.start for n in notes] + [section.start + section.duration])
        ratio = np.array([n.duration for n in notes]) / np.diff(onsets)
        np.testing.assert_allclose(ratio, section.cues.articulation, rtol=1e-6)


def test_archetypes_move_as_their_names_say() -> None:
    steps: dict[str, list[np.ndarray]] = {name: [] for name in ("sad", "happy", "scary", "peaceful")}
    for _, section, notes in PASSAGES:
        steps[section.cues.melody].append(np.diff([n.pitch for n in notes]))
    moves = {name: np.concatenate(parts) for name, parts in steps.items()}
    size = {name: float(np.abs(move).mean()) for name, move in moves.items()}
    assert size["sad"] < size["happy"] < size["scary"]
    assert size["peaceful"] < size["happy"]
    assert np.median(np.abs(moves["peaceful"])) <= 3
    falling = {name: float((move < 0).sum() / max(1, (move != 0).sum())) for name, move in moves.items()}
    assert falling["sad"] > 0.6
    tritones = {name: float((np.abs(move) == 6).mean()) for name, move in moves.items()}
    assert tritones["scary"] > 2 * max(tritones["sad"], tritones["happy"], tritones["peaceful"])


def in_scale(song: Song, section: Section) -> float:
    scale = {0, 2, 4, 5, 7, 9, 11} if section.cues.mode == "major" else {0, 2, 3, 5, 7, 8, 10, 11}
    end = section.start + section.duration
    pitches = [
        n.pitch
        for part in song.parts
        if part.name in ("melody", "chords")
        for n in part.notes
        if section.start - 1e-6 <= n.start < end - 1e-6
    ]
    return float(np.mean([(pitch - song.key) % 12 in scale for pitch in pitches]))


def test_notes_belong_to_the_mode_unless_the_melody_is_scary() -> None:
    tonal = [in_scale(song, section) for song, section, _ in PASSAGES if section.cues.melody != "scary"]
    scary = [in_scale(song, section) for song, section, _ in PASSAGES if section.cues.melody == "scary"]
    assert np.mean(tonal) > 0.95
    assert np.mean(scary) < np.mean(tonal) - 0.05


@pytest.mark.parametrize("index", range(5))
def test_a_changed_timbre_changes_the_lead_program_alone(index: int) -> None:
    flute, horn = compose(1, index, {"timbre": "flute"}), compose(1, index, {"timbre": "horn"})
    assert (flute.parts[0].program, horn.parts[0].program) == (73, 60)
    assert replace(flute.parts[0], program=60) == horn.parts[0]
    assert flute.parts[1:] == horn.parts[1:]
    assert compose(1, index, {"timbre": compose(1, index).sections[0].cues.timbre}) == compose(1, index)


def changed_fields(one: Song, other: Song) -> set[str]:
    fields: set[str] = set()
    for a, b in zip(one.parts, other.parts, strict=True):
        for m, n in zip(a.notes, b.notes, strict=True):
            fields |= {f for f in ("start", "duration", "pitch", "velocity") if getattr(m, f) != getattr(n, f)}
    return fields


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize(
    ("cue", "values", "changes"),
    [
        ("level", (-10.0, 10.0), {"velocity"}),
        ("mode", ("major", "minor"), {"pitch"}),
        ("articulation", (0.25, 1.0), {"duration"}),
        ("register", (55.0, 80.0), {"pitch"}),
    ],
)
def test_a_changed_cue_changes_one_thing(
    index: int, cue: str, values: tuple[object, object], changes: set[str]
) -> None:
    one, other = (compose(2, index, {cue: value}) for value in values)
    assert changed_fields(one, other) == changes
    assert all(getattr(section.cues, cue) == values[0] for section in one.sections)


@pytest.mark.parametrize("cue", [{"tempo": 1.3}, {"tempo": 5.9}, {"melody": "scary"}])
def test_a_changed_cue_leaves_the_other_cues(cue: dict[str, object]) -> None:
    for before, after in zip(compose(2, 3).sections, compose(2, 3, cue).sections, strict=True):
        assert replace(before.cues, **cue) == after.cues
        assert before.name == after.name


def test_level_sets_velocity_by_forty_logarithms() -> None:
    loud, soft = (compose(2, 0, {"level": level}).parts[0].notes for level in (10.0, -10.0))
    response = [40.0 * np.log10(a.velocity / b.velocity) for a, b in zip(loud, soft, strict=True)]
    assert np.mean(response) == pytest.approx(20.0, abs=0.3)


def test_styles_have_their_instruments() -> None:
    by_genre = {song.genre: song for song in SONGS}
    assert "drums" not in by_genre["classical"].instruments
    assert all("drums" in by_genre[genre].instruments for genre in ("pop", "rock", "jazz", "electronic"))
    assert all(list(song.instruments) == sorted(song.instruments) for song in SONGS)
    assert all("bass" in song.instruments for song in SONGS)


def test_progressions_have_a_twin_of_equal_chord_sizes_in_the_other_mode() -> None:
    for style in STYLES.values():
        for major, minor in zip(style.major, style.minor, strict=True):
            sizes = [[len(chord(numeral).tones) for numeral in row.split()] for row in (major, minor)]
            assert sizes[0] == sizes[1]
            assert len(sizes[0]) == 4


@pytest.mark.parametrize(
    ("numeral", "root", "tones"),
    [("I", 0, (0, 4, 7)), ("vi", 9, (0, 3, 7)), ("bVImaj7", 8, (0, 4, 7, 11)), ("ii7b5", 2, (0, 3, 6, 10))],
)
def test_roman_numerals(numeral: str, root: int, tones: tuple[int, ...]) -> None:
    assert (chord(numeral).root, chord(numeral).tones) == (root, tones)


def test_json_keeps_a_song_exactly() -> None:
    for song in SONGS[:5]:
        assert Song.from_dict(json.loads(json.dumps(song.to_dict()))) == song
    with pytest.raises(InputError, match="sections"):
        Song.from_dict({})


def test_no_note_or_cue_depends_on_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(form: list[str], *_: object) -> list[tuple[str, ...]]:
        return [()] * len(form)

    monkeypatch.setattr(score, "write_song", mute)
    for song in SONGS[:10]:
        silent = compose(0, song.index)
        assert silent.parts == song.parts
        assert silent == reword(song, None)


@pytest.mark.parametrize("change", [{"mode": "minor"}, {"level": 10.0}, {"tempo": 1.3}, {"melody": "scary"}])
def test_a_changed_cue_leaves_the_words(change: dict[str, object]) -> None:
    for song in SONGS[:10]:
        changed = compose(0, song.index, change)
        assert [s.lines for s in changed.sections] == [s.lines for s in song.sections]


def test_most_songs_have_words_in_their_verses_choruses_and_bridges() -> None:
    sung = [song for song in SONGS if any(section.lines for section in song.sections)]
    error = (INSTRUMENTAL_SHARE * (1 - INSTRUMENTAL_SHARE) / len(SONGS)) ** 0.5
    assert len(sung) / len(SONGS) == pytest.approx(1 - INSTRUMENTAL_SHARE, abs=3 * error)
    for song in sung:
        assert all(bool(section.lines) == (section.name in SUNG_SECTIONS) for section in song.sections)


def test_words_and_music_correlate_as_declared() -> None:
    songs = [compose(12, index) for index in range(140)]
    pairs = [
        [(valence_arousal(s.cues)[0], valence_of(s.lines)) for s in song.sections if s.lines]
        for song in songs
        if any(s.lines for s in song.sections)
    ]
    rng = np.random.default_rng(0)
    drawn = [np.concatenate([pairs[i] for i in rng.integers(len(pairs), size=len(pairs))]) for _ in range(400)]
    low, high = np.percentile([np.corrcoef(rows.T)[0, 1] for rows in drawn], [0.5, 99.5])
    assert low < 0.6 < high
    assert high - low < 0.3


@pytest.mark.parametrize("index", range(5))
def test_other_words_change_no_note(index: int) -> None:
    song = compose(4, index)
    happy, sad, none = (reword(song, valence) for valence in (0.8, -0.8, None))
    assert happy.parts == sad.parts == none.parts == song.parts
    for a, b, c in zip(happy.sections, sad.sections, none.sections, strict=True):
        assert replace(a, lines=()) == replace(b, lines=()) == c
        assert [len(line.split()) for line in a.lines] == [len(line.split()) for line in b.lines]
        if a.name in SUNG_SECTIONS:
            assert valence_of(a.lines) == pytest.approx(0.8, abs=0.2)
            assert valence_of(b.lines) == pytest.approx(-0.8, abs=0.2)


def test_invalid_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="-1"):
        compose(-1, 0)
    with pytest.raises(UsageError, match="'mood'"):
        compose(0, 0, {"mood": "sad"})
    with pytest.raises(InputError, match="level 99"):
        compose(0, 0, {"level": 99.0})
