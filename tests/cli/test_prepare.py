from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

Affetti = Callable[..., Any]
MakeFolder = Callable[..., Path]
RATE = 22_050


def spoil_missing(folder: Path) -> None:
    (folder / "song1.wav").unlink()


def spoil_empty(folder: Path) -> None:
    (folder / "song1.wav").write_bytes(b"")


def spoil_truncated(folder: Path) -> None:
    path = folder / "song1.wav"
    path.write_bytes(path.read_bytes()[:100_000])


def spoil_promise(folder: Path) -> None:
    head = bytearray((folder / "song1.wav").read_bytes())
    for at in (4, 40):  # the sizes of RIFF and of data
        head[at : at + 4] = (2**31 - 8).to_bytes(4, "little")
    (folder / "song1.wav").write_bytes(head)


def spoil_silent(folder: Path) -> None:
    soundfile.write(folder / "song1.wav", np.zeros(7 * RATE, np.float32), RATE)


def spoil_nan(folder: Path) -> None:
    samples, _ = soundfile.read(folder / "song1.wav", dtype="float32")
    samples[1_000] = np.nan
    soundfile.write(folder / "song1.wav", samples, RATE, subtype="FLOAT")


def spoil_text(folder: Path) -> None:
    (folder / "song1.wav").write_text("la la la\n" * 99, encoding="utf-8")


def spoil_same(folder: Path) -> None:
    shutil.copy(folder / "song0.wav", folder / "song1.wav")


def table(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "labels.csv"
        path.write_text("\n".join(change(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")

    return spoil


SOUNDS = ("missing", "empty", "truncated", "promise", "silent", "nan", "text", "same")
SPOILT: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "missing": (spoil_missing, ("song1.wav", "no such file")),
    "empty": (spoil_empty, ("song1.wav: the file is empty", "--strict")),
    "truncated": (spoil_truncated, ("song1.wav: truncated after 2.27 s", "--strict")),
    "promise": (spoil_promise, ("song1.wav: truncated after 6.50 s", "--strict")),
    "silent": (spoil_silent, ("song1.wav: silent", "--strict")),
    "nan": (spoil_nan, ("song1.wav: holds values that are not numbers", "--strict")),
    "text": (spoil_text, ("song1.wav: cannot be decoded as audio", "--strict")),
    "same": (spoil_same, ("song1.wav: the same audio as song0.wav", "--strict")),
    "outside": (
        table(lambda t: [*t[:2], "song1.wav,-0.5,1.2,a,rock"]),
        ("labels.csv", "could be on -10..10", "--scale"),
    ),
    "column": (table(lambda t: [t[0].replace("arousal", "energy"), *t[1:]]), ("column 'arousal' is missing", "energy")),
    "word": (table(lambda t: [*t[:2], "song1.wav,sad,0,a,rock"]), ("line 3: valence 'sad' is not a number",)),
    "twice": (table(lambda t: [*t, t[1]]), ("line 6: 'song0.wav' is listed twice",)),
    "one song": (table(lambda t: t[:2]), ("1 usable song in folder", "at least 2 songs")),
    "one artist": (
        table(lambda t: [t[0], *(f"song{i}.wav,-0.5,{i / 9},Bach,rock" for i in range(4))]),
        ("one song or artist", "Add another"),
    ),
    "ambiguous": (
        table(lambda t: [t[0], *(f"song{i}.wav,0.{i},1,a{i},rock" for i in range(4))]),
        ("labels from 0 to 1 could be on -1..1 or 0..1", "--scale"),
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_bad_input_is_reported_in_one_line_and_leaves_no_file(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, what: str
) -> None:
    spoil, says = SPOILT[what]
    folder = make_folder()
    spoil(folder)
    before = sorted(path.name for path in folder.iterdir())
    strict = ["--strict"] if what in SOUNDS else []
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1, *strict)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.complaint.startswith("affetti: ")
    for words in says:
        assert words in ran.complaint
    assert not (tmp_path / "c").exists()
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("what", SOUNDS)
def test_broken_tracks_are_left_out_and_listed(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, what: str
) -> None:
    folder = make_folder()
    SPOILT[what][0](folder)
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1, "--json")
    document = json.loads(ran.out)
    assert (ran.code, document["clips"]) == (0, 3)
    assert [entry["path"] for entry in document["skipped"]] == ["song1.wav"]
    assert document["skipped"][0]["reason"] in ran.err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--preset", "tinny"], "there is no preset 'tinny'. Did you mean tiny?"),
        (["--scale", "1-9"], "unknown scale '1-9'. Choose from -1..1"),
        (["--scale", "1..9"], "lies outside the scale 1..9"),
        (["--folds", "1"], "1 folds. Give at least 2"),
        (["--seed", "-1"], "seed -1 is negative"),
        (["--clips", "99"], "--clips: applies to composed music only"),
        (["--windows", "middle"], "middle"),
        (["--soundfont", "none.sf2"], "none.sf2: no such soundfont"),
        (["--voice", "opera"], "opera"),
        (["--voice", "formant"], "--voice: it concerns composed, not folder"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_bad_usage_is_reported_in_one_clear_line(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, flags: list[str], says: str
) -> None:
    ran = affetti("prepare", f"folder:{make_folder()}", "--out", tmp_path / "c", "--workers", 1, *flags)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.complaint
    assert not (tmp_path / "c").exists()


def test_the_document_has_the_keys_of_the_design_and_is_alone_on_stdout(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder()
    text = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()
    more = [text[0] + ",valence_std,arousal_std,raters", *(line + ",0.2,0.1,8" for line in text[1:])]
    (folder / "labels.csv").write_text("\n".join(more), encoding="utf-8")
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1, "--json")
    document = json.loads(ran.out)
    assert ran.code == 0
    assert (document["clips"], document["songs"], document["skipped"]) == (4, 4, [])
    assert {"check", "verdict", "n", "detail"} == set(document["labels"]["audit"][0])
    for name in ("valence", "arousal"):
        for measure in ("r2", "ccc"):
            result = document["labels"]["ceiling"][name][measure]
            assert set(result) == {"value", "ci"}
            assert 0 <= result["ci"][0] <= result["ci"][1] <= 1
    assert "note: labels are on the scale -1..1" in ran.err
    again = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1)
    assert again.code == 0
    assert again.out.startswith("4 clips of 4 songs in ")
    assert "no predictor can exceed" in again.out


def test_a_scale_is_declared(affetti: Affetti, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder()
    ran = affetti(
        "prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1, "--scale", "-10..10", "--json"
    )
    assert json.loads(ran.out)["label_scale"] == "-10..10"
    import pandas as pd

    labels = pd.read_csv(folder / "labels.csv")["valence"] / 10
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "c/clips.parquet")["valence"], labels, atol=1e-12)


def test_short_tracks_are_left_out_with_the_reason_and_filled_on_demand(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder()
    samples, _ = soundfile.read(folder / "song1.wav")
    soundfile.write(folder / "song1.wav", samples[: 3 * RATE], RATE)
    short = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "a", "--workers", 1, "--json")
    assert json.loads(short.out)["clips"] == 3
    assert "skipped song1.wav: too short: 3.0 s, a clip is 5.9 s (--pad fills it with silence)" in short.err
    filled = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "b", "--workers", 1, "--json", "--pad")
    assert json.loads(filled.out)["clips"] == 4


def test_flags_override_the_file_and_the_file_overrides_the_defaults(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(4, seconds=13.0)
    (tmp_path / "a.toml").write_text('windows = "all"\nworkers = 1\nfolds = 3\n', encoding="utf-8")
    common = ("prepare", f"folder:{folder}", "--config", tmp_path / "a.toml", "--json")
    saved = json.loads(affetti(*common, "--out", tmp_path / "a").out)
    flagged = json.loads(affetti(*common, "--out", tmp_path / "b", "--folds", 2).out)
    assert (saved["clips"], saved["folds"]) == (8, 3)
    assert (flagged["clips"], flagged["folds"]) == (8, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("windos = 'all'", "unknown setting 'windos'. Did you mean windows?"),
        ("workers = 'two'", "workers"),
        ("pad = 'no'", "pad"),
        ("folds = 2.5", "folds"),
        ("windows = 'middle'", "windows"),
        ("folds = ", "not valid"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_reported(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    ran = affetti("prepare", f"folder:{make_folder(2)}", "--out", tmp_path / "c", "--config", tmp_path / "a.toml")
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.complaint
    assert "a.toml" in ran.complaint
    assert not (tmp_path / "c").exists()


def test_other_content_and_other_work_are_left_alone(affetti: Affetti, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder()
    ran = affetti("prepare", f"folder:{folder}", "--out", folder, "--workers", 1)
    assert (ran.code, "exists and is not an affetti corpus" in ran.complaint) == (2, True)
    (tmp_path / "c/.work").mkdir(parents=True)
    (tmp_path / "c/.work/signature.json").write_text('"another"', encoding="utf-8")
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1)
    assert (ran.code, "unfinished work of another command" in ran.complaint) == (2, True)
    assert not (tmp_path / "c/corpus.json").exists()


def test_a_changed_sound_or_label_is_not_taken_for_the_finished_corpus(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder()
    command = ("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1)
    assert affetti(*command).code == 0
    assert affetti(*command).code == 0
    samples, _ = soundfile.read(folder / "song1.wav")
    soundfile.write(folder / "song1.wav", samples[::-1][:-1], RATE)
    ran = affetti(*command)
    assert (ran.code, "holds another corpus" in ran.complaint) == (2, True)


def test_a_full_disk_is_reported_in_one_line(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 0))
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--workers", 1)
    assert (ran.code, ran.out) == (2, "")
    assert "kB needed, 0 bytes free. Free some space" in ran.complaint
    assert not (tmp_path / "c/corpus.json").exists()


def test_the_bytes_do_not_depend_on_the_workers_or_the_order_of_the_work(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(12)
    for workers in (1, 2):
        assert affetti("prepare", f"folder:{folder}", "--out", tmp_path / str(workers), "--workers", workers).code == 0
    for name in ("corpus.json", "clips.parquet", "mel.npy"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


# Runs the command and, once eight tracks are saved, waits to be stopped.
SCRIPT = """
import contextlib, sys, time
from affetti.cli import main, prepare

def show(stage, done, total):
    print(done, flush=True)
    if 0 < done < total:
        time.sleep(120)

prepare.show_progress = lambda: contextlib.nullcontext(show)
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_stopped_work_resumes_to_the_same_bytes(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, stop: signal.Signals
) -> None:
    folder, out = make_folder(10), tmp_path / "cut"
    arguments = ["prepare", f"folder:{folder}", "--workers", "1", "--keep-audio"]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while process.stdout.readline() != "8\n":
            assert process.poll() is None
        os.kill(process.pid, stop)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert err.split("\n") == ["", "affetti prepare: interrupted; run the same command again to continue", ""]
    else:
        assert process.returncode == -signal.SIGKILL
    assert not (out / "corpus.json").exists()
    assert "unfinished work" in affetti(*arguments, "--out", out, "--seed", 1).complaint
    assert affetti(*arguments, "--out", out).code == 0
    assert affetti(*arguments, "--out", tmp_path / "whole").code == 0
    for path in (tmp_path / "whole").rglob("*"):
        if path.is_file():
            assert (out / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes(), path.name
    assert len(list(out.rglob("*"))) == len(list((tmp_path / "whole").rglob("*")))


def test_real_recordings_become_a_corpus(affetti: Affetti, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    lines = ["file,valence,arousal,genre"]
    for i, path in enumerate(sorted((data / "open/librosa_audio").glob("*.ogg"))):
        shutil.copy(path, folder)
        lines.append(f'"{path.name}",{2 + i},{7 - i},real')
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    command = ("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--scale", "1..9", "--workers", 1, "--json")
    document = json.loads(affetti(*command, "--windows", "all").out)
    assert document["songs"] == 3
    assert document["clips"] == 2 + 10 + 7  # 13.9, 61.5 and 45.8 s; the trumpet's 5.3 s are too short
    assert ["trumpet" in entry["path"] for entry in document["skipped"]] == [True]


@pytest.mark.parametrize(
    ("source", "count", "songs"), [("vgmidi:research/VGMIDI", 3, 3), ("emopia:noncommercial/EMOPIA_1.0", 6, 3)]
)
def test_real_scores_become_a_corpus(
    affetti: Affetti, data: Path, tmp_path: Path, source: str, count: int, songs: int
) -> None:
    name, _, place = source.partition(":")
    tree = tmp_path / "tree"
    shutil.copytree(data / place, tree, ignore=shutil.ignore_patterns("*.mid"))
    scores = sorted((data / place).rglob("*.mid"))
    if name == "emopia":
        ids = sorted({path.stem.split("_", 1)[1].rsplit("_", 1)[0] for path in scores})
        by_song = {song: [path for path in scores if song in path.stem] for song in ids}
        scores = [path for paths in by_song.values() if len(paths) >= 2 for path in paths[:2]]
    else:
        scores = scores[:: len(scores) // count]  # the first are all of one series of games
    for path in scores[:count]:
        shutil.copy(path, tree / path.relative_to(data / place))
    document = json.loads(affetti("prepare", f"{name}:{tree}", "--out", tmp_path / "c", "--workers", 1, "--json").out)
    assert (document["clips"], document["songs"], document["skipped"]) == (count, songs, [])


def test_a_dry_run_writes_nothing(affetti: Affetti, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder()
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--dry-run", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["plan"]
    assert not (tmp_path / "c").exists()
    assert json.loads(affetti("prepare", f"folder:{folder}", "--dry-run", "--json").out)["clips"] == 4
    (folder / "song1.wav").unlink()
    assert affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--dry-run").code == 0
    assert affetti("prepare", f"folder:{folder}", "--out", tmp_path / "c", "--dry-run", "--strict").code == 2


def test_a_dry_run_of_what_cannot_be_used_at_all_is_refused(affetti: Affetti, make_folder: MakeFolder) -> None:
    folder = make_folder()
    for path in folder.glob("*.wav"):
        path.write_bytes(b"no sound")
    ran = affetti("prepare", f"folder:{folder}", "--dry-run")
    assert ran.code == 2
    assert "none of 4 tracks of folder that were tried, of 4, can be used" in ran.complaint


@pytest.mark.parametrize("flags", [[], ["--windows", "all"], ["--windows", "all", "--preset", "paper45", "--pad"]])
def test_a_dry_run_says_how_many_clips_and_bytes_there_will_be(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path, flags: list[str]
) -> None:
    folder = make_folder(4, seconds=14.0)
    planned = json.loads(affetti("prepare", f"folder:{folder}", *flags, "--dry-run", "--json").out)
    made = json.loads(affetti("prepare", f"folder:{folder}", *flags, "--out", tmp_path / "c", "--json").out)
    assert planned["clips"] == made["clips"]
    assert planned["songs"] == made["songs"]
    assert planned["bytes"] == (tmp_path / "c/mel.npy").stat().st_size - 128


def test_a_dry_run_leaves_out_what_prepare_leaves_out(
    affetti: Affetti, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(4)
    for name, samples in (
        ("song1", np.zeros(14 * 22_050)),
        ("song2", np.full(22_050, 0.1) * np.sin(np.arange(22_050))),
    ):
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    planned = json.loads(affetti("prepare", f"folder:{folder}", "--dry-run", "--json").out)
    made = json.loads(
        affetti("prepare", f"folder:{folder}", "--folds", 2, "--workers", 1, "--out", tmp_path / "c", "--json").out
    )
    assert planned["skipped"] == made["skipped"]
    assert [entry["reason"].split(" ")[0] for entry in made["skipped"]] == ["silent", "too"]
    for flags in (["--strict"], ["--folds", 1], ["--split", "official"]):
        plan, work = (affetti("prepare", f"folder:{folder}", *flags, *more)
                      for more in (["--dry-run"], ["--workers", 1, "--out", tmp_path / "d"]))  # fmt: skip
        assert plan.code == work.code == 2
        if flags[0] != "--strict":  # which counts further tracks, of which a dry run decodes a few
            assert plan.complaint == work.complaint


def test_source_and_out_are_required(affetti: Affetti, make_folder: MakeFolder) -> None:
    for arguments, says in (([], "no source"), ([f"folder:{make_folder()}"], "--out is missing")):
        ran = affetti("prepare", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert says in ran.complaint


def test_a_voice_is_planned_without_writing_and_a_missing_one_is_reported_in_one_line(
    affetti: Affetti, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("prepare", "composed", "--clips", 16, "--out", tmp_path / "c", "--workers", 1, "--dry-run")
    planned = json.loads(affetti(*command, "--voice", "formant", "--json").out)
    assert planned["clips"] == 16
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = affetti(*command, "--voice", "espeak")
    assert (ran.code, ran.out) == (2, "")
    assert "espeak-ng is not installed. Install it (apt install espeak-ng" in ran.complaint
    assert not (tmp_path / "c").exists()


def test_labels_are_audited_without_any_sound(affetti: Affetti, data: Path, tmp_path: Path) -> None:
    table = (data / "research/va_tables/deam_static_1to9.csv").read_text(encoding="utf-8")
    folder = tmp_path / "DEAM/annotations"
    folder.mkdir(parents=True)
    rows = [line for line in table.splitlines()[1:] if int(float(line.split(",")[0])) <= 2000]
    head = "song_id, valence_mean, valence_std, arousal_mean, arousal_std"
    (folder / "static_annotations_averaged_songs_1_2000.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    ran = affetti("prepare", f"deam:{tmp_path / 'DEAM'}", "--dry-run", "--json")
    document = json.loads(ran.out)
    assert (document["clips"], document["labelled"]) == (0, 1059)
    audit = {check["check"]: check for check in document["labels"]["audit"]}
    assert (audit["axes_swapped"]["verdict"], audit["axes_swapped"]["n"]) == ("corrected", 446)
    assert set(audit["axes_swapped"]) == {"check", "verdict", "n", "detail"}
    ceiling = document["labels"]["ceiling"]
    assert ceiling["valence"]["r2"]["value"] == pytest.approx(0.774, abs=0.002)
    assert ceiling["arousal"]["r2"]["value"] == pytest.approx(0.852, abs=0.002)
    assert "prepare would refuse" in document["plan"]
    refused = affetti("prepare", f"deam:{tmp_path / 'DEAM'}", "--out", tmp_path / "c")
    assert refused.code == 2
    assert "none of the 1059 labelled tracks of deam has audio here" in refused.complaint
