from __future__ import annotations

import os
from pathlib import Path

import mido
import numpy as np
import pytest
from tests.compose.midi_files import END, FAULTS, control, number, off, on, smf, track

from affetti.api import prepare
from affetti.compose import midi
from affetti.compose.renderer import read_midi, render_midi
from affetti.errors import InputError

NOTE = track((0, on(60)), (480, off(60)))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "a.mid"
    path.write_bytes(content)
    return path


def starts(path: Path) -> list[float]:
    return [note.start for part in read_midi(path) for note in part.notes]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin with MThd"),
        (b"junk" * 20, "does not begin with MThd"),
        (smf(NOTE)[:12], "cut short in its header"),
        (smf(NOTE)[:-1], "cut short: a track of"),
        (smf(NOTE, count=2), "cut short: 1 of 2 tracks"),
        (smf(NOTE, NOTE)[:-40], "cut short"),
        (smf(NOTE, division=0), "0 ticks a quarter"),
        (smf(NOTE, division=0x8000 | 13 << 8 | 4), "frames a second"),
        (smf(NOTE, division=0xE700), "25 frames a second of 0 ticks"),
        (smf(NOTE, form=3), "type 3"),
        (smf(track((0, b"\xff\x51\x03\0\0\0"), (0, on(60)), (9, off(60)))), "a tempo of 0"),
        (smf(track((0, b"\xff\x51\x02\7\7"), (0, on(60)), (9, off(60)))), "a tempo of"),
        (smf(track((0, b"\x3c\x40"))), "a data byte without an event"),
        (smf(track((0, b"\x90\x3c\xff"))), "an incomplete event"),
        (smf(track((0, b"\xf4"))), "which files do not have"),
        (smf(b"MTrk\0\0\0\x04\xff\xff\xff\xff"), "more than four bytes"),
        (smf(b"MTrk\0\0\0\x04\0\x90\x3c\x40"), "without its end"),
        (smf(b"MTrk\0\0\0\x05\0\xff\x01\x7fa"), "beyond its track"),
        (smf(b"MTrk\0\0\0\x01\x81"), "beyond the file"),
        (smf(track((0, on(60)), (0x0FFFFFFF, off(60)))), "more than 2 h are refused"),
    ],
)
def test_a_broken_file_is_reported_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_midi(written(tmp_path, content))
    assert caught.value.where == str(tmp_path / "a.mid")
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["midi_crash_segv_437bytes.mid", "midi_division_zero.mid", "midi_stuck_note_1h.mid"])
def test_files_that_crashed_the_process_or_took_all_memory_are_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match=name):
        render_midi(FAULTS / name, 22_050)


def test_a_note_of_more_than_five_minutes_is_refused_wherever_it_is(tmp_path: Path) -> None:
    long = smf(NOTE, track((960, on(50, channel=3)), (301 * 960, off(50, channel=3))))
    with pytest.raises(InputError, match="a note of 301 s at 1 s"):
        read_midi(written(tmp_path, long))
    read_midi(written(tmp_path, smf(track((0, on(60)), (299 * 960, off(60))))))


def test_times_follow_the_tempi_of_all_tracks(tmp_path: Path) -> None:
    tempi = track((480, b"\xff\x51\x03" + (1_000_000).to_bytes(3, "big")), (480, b"\xff\x51\x03\x03\xd0\x90"))
    notes = track(*[(480 if i else 0, message) for i in range(4) for message in (on(60 + i), off(60 + i))][:7])
    path = written(tmp_path, smf(tempi, notes))
    messages = list(mido.MidiFile(path))
    at = np.cumsum([message.time for message in messages])
    expected = [seconds for seconds, message in zip(at, messages, strict=True) if message.type == "note_on"]
    np.testing.assert_allclose(starts(path), expected, atol=1e-9)


def test_of_two_tempi_at_one_tick_the_later_in_the_file_holds(tmp_path: Path) -> None:
    slow, fast = (b"\xff\x51\x03" + tempo.to_bytes(3, "big") for tempo in (900_000, 100_000))
    assert starts(written(tmp_path, smf(track((0, slow), (0, fast), (480, on(60)), (9, off(60)))))) == [
        pytest.approx(0.1)
    ]


@pytest.mark.parametrize(("frames", "rate"), [(24, 24), (25, 25), (29, 30_000 / 1001), (30, 30)])
def test_smpte_time_is_frames_and_ticks_and_no_tempo(tmp_path: Path, frames: int, rate: float) -> None:
    tempo = (0, b"\xff\x51\x03\x01\0\0")
    content = smf(track(tempo, (400, on(60)), (9, off(60))), division=(256 - frames) << 8 | 40)
    assert starts(written(tmp_path, content)) == [pytest.approx(10 / rate)]


def test_running_status_unknown_chunks_and_system_exclusive_are_read(tmp_path: Path) -> None:
    events = track((0, on(60)), (480, b"\x3c\0"), (0, b"\xf0\x03abc"), (0, on(62)), (480, b"\x3e\0"))
    path = written(tmp_path, smf(b"XFIH\0\0\0\x03abc", events, count=1) + b"tail")
    assert [(note.pitch, note.duration) for part in read_midi(path) for note in part.notes] == [(60, 0.5), (62, 0.5)]


def test_two_tracks_may_play_one_key_of_one_channel(tmp_path: Path) -> None:
    path = written(tmp_path, smf(track((0, on(60)), (960, off(60))), track((480, on(60)), (960, off(60)))))
    lengths = [(note.start, note.duration) for part in read_midi(path) for note in part.notes]
    assert lengths == [(0.0, 1.0), (0.5, 1.0)]


def test_drums_are_channel_ten_whatever_the_track_is_called(tmp_path: Path) -> None:
    named = (0, b"\xff\x03\x05drums")
    path = written(
        tmp_path, smf(track(named, (0, on(36)), (9, off(36))), track((0, on(36, channel=9)), (9, off(36, 9))))
    )
    assert [(part.name, part.is_drum) for part in read_midi(path)] == [("melody", False), ("drums", True)]


def mutated(whole: bytes, rng: np.random.Generator) -> bytes:
    """Cut, bits flipped, bytes replaced, or a stretch replaced by one of another length."""
    content, kind = bytearray(whole), int(rng.integers(4))
    if kind == 0:
        return whole[: rng.integers(len(whole))]
    for _ in range(int(rng.integers(1, 9))):
        at = int(rng.integers(len(content)))
        if kind == 1:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            content[at] = int(rng.integers(256))
    if kind == 3:
        at = int(rng.integers(len(content)))
        content[at : at + int(rng.integers(40))] = rng.bytes(int(rng.integers(40)))
    return bytes(content)


def rich_file() -> bytes:
    """Two tracks with tempi, pedals, bends and some running status."""
    first = [(120, message) for pitch in range(48, 72) for message in (on(pitch), control(64, pitch), off(pitch))]
    second = [(60, message) for pitch in range(36, 60) for message in (on(pitch, channel=9), bytes([pitch, 0]))]
    return smf(track((0, b"\xff\x51\x03\x07\xa1\x20"), *first), track((0, b"\xff\x03\x05drums"), *second))


def test_a_mutated_file_is_read_or_refused_and_always_in_the_same_way(tmp_path: Path) -> None:
    rounds = int(os.environ.get("AFFETTI_MIDI_FUZZ", "1000"))  # 20,000 take a minute
    rng = np.random.default_rng(rounds)
    path, read, cut_read = tmp_path / "a.mid", 0, 0
    whole = [rich_file(), (FAULTS / "midi_crash_segv_437bytes.mid").read_bytes()]
    for i in range(rounds):
        content = mutated(whole[i % 2], rng)
        path.write_bytes(content)
        results: list[object] = []
        for _ in range(2):
            try:
                results.append(read_midi(path))
            except InputError as error:
                assert str(path) in str(error)
                results.append(str(error))
        assert results[0] == results[1]
        read += not isinstance(results[0], str)
        cut = len(content) < len(whole[i % 2]) and whole[i % 2].startswith(content)
        cut_read += cut and not isinstance(results[0], str)
    assert read > rounds // 20  # it is not all refused at the door
    assert cut_read == 0


def test_every_real_file_is_read_as_mido_reads_it(data: Path) -> None:
    paths = [path for path in sorted(data.rglob("*.mid")) if "faults" not in path.parts][::40]
    if not paths:
        pytest.skip("no MIDI files in the test data")
    for path in paths:
        at, expected = 0.0, []
        for message in mido.MidiFile(path):
            at += message.time
            if message.type == "note_on" and message.velocity:
                expected.append((message.channel, message.note, at))
        events = midi.read_file(path).events
        ours = [(e.channel, e.first, e.seconds) for e in events if e.kind == midi.NOTE_ON and e.second]
        assert len(ours) == len(expected), path.name
        np.testing.assert_allclose(sorted(ours), sorted(expected), atol=1e-6, err_msg=path.name)


def test_the_largest_number_has_four_bytes() -> None:
    assert number(0x0FFFFFFF) == b"\xff\xff\xff\x7f"
    assert END[0] == 0


def test_a_corpus_leaves_broken_files_out_by_name(tmp_path: Path) -> None:
    rows = ["file,valence,arousal"]
    for i in range(4):
        rng = np.random.default_rng(i)
        pitches = rng.integers(40, 90, 40).tolist()
        melody = [(int(rng.integers(60, 300)), message) for pitch in pitches for message in (on(pitch), off(pitch))]
        (tmp_path / f"{i}.mid").write_bytes(smf(track(*melody)))
        rows.append(f"{i}.mid,0.{i},-0.{i}")
    for name in ("midi_crash_segv_437bytes.mid", "midi_division_zero.mid", "midi_stuck_note_1h.mid"):
        (tmp_path / name).write_bytes((FAULTS / name).read_bytes())
        rows.append(f"{name},0.5,0.5")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    result = prepare.run(f"midi:{tmp_path}", tmp_path / "corpus", scale="-1..1", folds=2, workers=2)
    result = result if isinstance(result, dict) else result.to_dict()
    assert result["clips"] == 4
    assert {entry["path"]: entry["reason"].split(" (")[0] for entry in result["skipped"]} == {
        "midi_crash_segv_437bytes.mid": "broken MIDI file",
        "midi_division_zero.mid": "broken MIDI file",
        "midi_stuck_note_1h.mid": "a note of 3600 s at 0 s: more than 300 s are refused",
    }
