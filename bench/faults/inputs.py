"""Files that are spoilt: bits flipped, cut, spliced, with lengths that lie, nested deeply, with huge counts.

Each is given to a command that reads it, twice. The command may take it or refuse it in a line; it may not end in a
traceback, take 20 s of processor time, hold a gigabyte more than it began with, or answer differently the second time.

One process runs many of the commands, for most take less time than a process takes to begin; what goes wrong there is
tried again in a process of its own.
"""

from __future__ import annotations

import random
import re
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile

from faults import kills
from faults.case import Case
from faults.command import Ended, run
from faults.worker import COMMANDS, Worker

LIMIT_SECONDS, LIMIT_MB = 20.0, 1024.0
LONGEST_LINE = 800
"""Of a refusal: a path, 400 characters of what is wrong, and the next step."""
CLEAN = "clean"
SOUNDS = {
    "wav": ("WAV", "PCM_16"),
    "float wav": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_24"),
}
TIMES = re.compile(r"\d+(\.\d+)? ?(s|min|ms|MB|GB)\b|(seconds|time|memory)[^,}]*|0x[0-9a-f]+")
"""What differs between two runs of one command: durations, and addresses."""


@dataclass(frozen=True)
class Format:
    """A kind of file, and who reads it."""

    weight: int
    clean: str
    """The whole file, in the folder ``clean``."""
    command: Callable[[Path, Path], list[str]]
    """From the folder of the campaign and the one that holds the spoilt file under its own name: the command."""
    beside: str = ""
    """The folder whose other files stand beside the spoilt one."""


def _predict(_: Path, spoilt: Path) -> list[str]:
    return ["predict", str(next(spoilt.iterdir())), "--json"]


def _folder(_: Path, spoilt: Path) -> list[str]:
    return ["prepare", f"folder:{spoilt}", "--out", str(spoilt / "out"), "--folds", "2", "--workers", "1"]


def _midi(_: Path, spoilt: Path) -> list[str]:
    return ["prepare", f"midi:{spoilt}", "--out", str(spoilt / "out"), "--folds", "2", "--workers", "1"]


def _soundfont(_: Path, spoilt: Path) -> list[str]:
    font = str(next(spoilt.glob("*.sf2")))
    out = str(spoilt / "out")
    return ["prepare", "composed", "--clips", "16", "--folds", "2", "--soundfont", font, "--out", out, "--workers", "1"]


def _config(_: Path, spoilt: Path) -> list[str]:
    file = next(spoilt.glob("config.*"))
    return ["prepare", "composed", "--config", str(file), "--dry-run", "--json"]


def _corpus(_: Path, spoilt: Path) -> list[str]:
    return ["audit", str(spoilt), "--only", "structure", "--quick", "--json", "--out", str(spoilt / "out")]


def _learn(_: Path, spoilt: Path) -> list[str]:
    return ["train", "baseline", "--corpus", str(spoilt), "--out", str(spoilt / "out"), "--json"]


def _generate(_: Path, spoilt: Path) -> list[str]:
    return ["generate", "--model", str(spoilt), "--n", "2", "--out", str(spoilt / "out"), "--workers", "1"]


def _onnx(_: Path, spoilt: Path) -> list[str]:
    recording = str(spoilt.parent / CLEAN / "sound.wav")
    return ["predict", recording, "--runtime", "onnx", "--model", str(next(spoilt.glob("*.onnx"))), "--json"]


def _report(_: Path, spoilt: Path) -> list[str]:
    return ["report", str(spoilt), "--out", str(spoilt / "page.html")]


def _curve(folder: Path, spoilt: Path) -> list[str]:
    curve, out = str(next(spoilt.glob("*.csv"))), str(spoilt / "out")
    return ["generate", "--model", str(folder / kills.RUN), "--curve", curve, "--seconds", "10", "--out", out]


FORMATS: dict[str, Format] = {
    **{name: Format(8, f"sound {name}.{name.split()[-1]}", _predict) for name in SOUNDS},
    "m4a": Format(8, "sound.m4a", _predict),
    "midi": Format(8, "song.mid", _midi, "midi"),
    "soundfont": Format(4, "font.sf2", _soundfont),
    "labels.csv": Format(6, "labels.csv", _folder, kills.TREE),
    "curve": Format(6, "curve.csv", _curve),
    "config.toml": Format(6, "config.toml", _config),
    "config.json": Format(6, "config.json", _config),
    "corpus.json": Format(2, "corpus.json", _corpus, kills.CORPUS),
    "clips.parquet": Format(2, "clips.parquet", _corpus, kills.CORPUS),
    "mel.npy": Format(2, "mel.npy", _learn, kills.CORPUS),
    "weights": Format(4, "model.safetensors", _generate, kills.RUN),
    "model.json": Format(4, "model.json", _generate, kills.RUN),
    "onnx": Format(3, "regressor.onnx", _onnx),
    "score": Format(4, "result.json", _report, kills.SCORE),
}


def prepare(folder: Path) -> None:
    """Make a whole file of each format, once."""
    kills.prepare(folder)
    clean = folder / CLEAN
    if (clean / "made").exists():
        return
    clean.mkdir(exist_ok=True)
    sound, rate = soundfile.read(next((folder / kills.CORPUS / "audio").iterdir()))
    for name, (kind, subtype) in SOUNDS.items():
        file = clean / FORMATS[name].clean
        soundfile.write(
            file,
            _at(sound, rate, 48_000) if subtype == "OPUS" else sound,
            48_000 if subtype == "OPUS" else rate,
            format=kind,
            subtype=subtype,
        )
    soundfile.write(clean / "sound.wav", sound, rate)
    _write_m4a(clean / "sound.m4a", sound, rate)
    _write_midi(folder, clean)
    _write_soundfont(clean / "font.sf2")
    (clean / "curve.csv").write_text("time,valence,arousal\n0,-.5,.2\n5,0,.5\n10,.6,-.3\n", encoding="utf-8")
    (clean / "config.toml").write_text('clips = 24\nfolds = 3\nseed = 5\nfront_end = "tiny"\n', encoding="utf-8")
    (clean / "config.json").write_text('{"clips": 24, "folds": 3, "seed": 5, "front_end": "tiny"}', encoding="utf-8")
    for source in (
        folder / kills.TREE / "labels.csv",
        *(folder / kills.CORPUS / name for name in ("corpus.json", "clips.parquet", "mel.npy")),
        *(folder / kills.RUN / name for name in ("model.json", "model.safetensors")),
        folder / kills.SCORE / "result.json",
    ):
        shutil.copy(source, clean / source.name)
    made = run(["export", "--model", kills.STUDENT, "--out", str(clean / "regressor.onnx")], folder, limit=300)
    if made.code != 0:
        raise SystemExit(f"export: {made.err}")
    (clean / "made").touch()


def _at(sound: np.ndarray, rate: int, other: int) -> np.ndarray:
    """Linear interpolation is enough of a sound to be spoilt."""
    at = np.arange(0, sound.shape[0] - 1, rate / other)
    return np.interp(at, np.arange(sound.shape[0]), sound)


def _write_m4a(file: Path, sound: np.ndarray, rate: int) -> None:
    with av.open(str(file), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32)[None, :], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):  # type: ignore[attr-defined]
            container.mux(packet)


def _write_midi(folder: Path, clean: Path) -> None:

    def song(step: int) -> bytes:
        pitches = [48 + step * note % 24 for note in range(40)]
        notes = b"".join(struct.pack(">BBBBBBBB", 0, 0x90, pitch, 80, 96, 0x80, pitch, 0) for pitch in pitches)
        track = notes + b"\x00\xff\x2f\x00"
        return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track)) + track

    (clean / "song.mid").write_bytes(song(1))
    beside = folder / "midi"
    beside.mkdir(exist_ok=True)
    lines = ["file,valence,arousal", "song.mid,0.5,0.5"]
    for number in range(7):
        (beside / f"{number}.mid").write_bytes(song(3 + 2 * number))
        lines.append(f"{number}.mid,{(number % 4 - 1.5) / 2},{(number // 4 - 0.5) / 2}")
    (beside / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_soundfont(file: Path) -> None:
    """The smallest soundfont that plays: one sine, one instrument, one preset."""

    def chunk(name: bytes, held: bytes) -> bytes:
        return name + struct.pack("<I", len(held)) + held + b"\0" * (len(held) % 2)

    def padded(name: str) -> bytes:
        return name.encode().ljust(20, b"\0")

    wave = (20_000 * np.sin(2 * np.pi * 440 * np.arange(4_400) / 44_000)).astype("<i2").tobytes() + bytes(92)
    info = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"sine\0\0")
    samples = padded("sine") + struct.pack("<IIIIIBbHH", 0, 4_400, 100, 4_300, 44_000, 69, 0, 0, 1)
    presets = padded("sine") + struct.pack("<HHHIII", 0, 0, 0, 0, 0, 0)
    tables = {
        b"phdr": presets + padded("EOP") + struct.pack("<HHHIII", 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<HHHH", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<HHHH", 41, 0, 0, 0),
        b"inst": padded("sine") + struct.pack("<H", 0) + padded("EOI") + struct.pack("<H", 1),
        b"ibag": struct.pack("<HHHH", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<HHHHHH", 54, 1, 53, 0, 0, 0),
        b"shdr": samples + padded("EOS") + bytes(26),
    }
    lists = (
        chunk(b"LIST", b"INFO" + info)
        + chunk(b"LIST", b"sdta" + chunk(b"smpl", wave))
        + chunk(b"LIST", b"pdta" + b"".join(chunk(name, held) for name, held in tables.items()))
    )
    file.write_bytes(chunk(b"RIFF", b"sfbk" + lists))


def spoil(whole: bytes, rng: random.Random, text: bool) -> bytes:
    """One to three of the ways in which a file is spoilt."""
    held = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 3])):
        size = max(len(held), 1)
        at = min(int(size * rng.random() ** rng.choice([1, 3])), size - 1)  # more often near the start
        ways = [
            "flip",
            "flip",
            "cut",
            "splice",
            "length",
            "repeat",
            "zeros",
            *(["nest", "number", "word"] if text else []),
        ]
        way = rng.choice(ways)
        if way == "flip":
            for _ in range(rng.randint(1, 8)):
                if held:
                    held[rng.randrange(len(held))] ^= 1 << rng.randrange(8)
        elif way == "cut":
            del held[at:]
        elif way == "splice":
            begin = rng.randrange(size)
            held[at : at + rng.randint(0, 200)] = held[begin : begin + rng.randint(0, 200)]
        elif way == "length":
            value = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**24, rng.randrange(2**32)])
            held[at : at + 4] = struct.pack(rng.choice(["<I", ">I"]), value)
        elif way == "repeat":
            held[at:at] = held[at : at + rng.randint(1, 64)] * rng.choice([2, 50, 2_000])
        elif way == "zeros":
            held[at : at + 64] = bytes(rng.randint(0, 64))
        elif way == "nest":
            held[at:at] = rng.choice([b"[", b'{"a":', b"("]) * rng.choice([20, 5_000])
        elif way == "number":
            held[at:at] = rng.choice([b"nan", b"-inf", b"1e999", b"9" * 400, b"-1", b"0x1F", b"1_000", b"\xd9\xa3"])
        else:
            held[at:at] = rng.choice(
                [b"\n", b'"', b",", b";", b"\0", b"\xff\xfe", b"null", b"=HYPERLINK()", b"../", b"\r"]
            )
    return bytes(held)


_worker = Worker(LIMIT_SECONDS, LIMIT_MB)


def case(seed: int, folder: Path) -> Case:
    """Spoil one file and give it to its reader twice."""
    rng = random.Random(seed)
    kind = rng.choices(list(FORMATS), [entry.weight for entry in FORMATS.values()])[0]
    entry = FORMATS[kind]
    whole = (folder / CLEAN / entry.clean).read_bytes()
    content = spoil(whole, rng, Path(entry.clean).suffix in (".csv", ".json", ".toml"))
    spoilt = folder / f"spoilt-{seed}"
    endings = [_given(entry, content, folder, spoilt, _worker.run) for _ in range(2)]
    fault = _fault(*endings)
    if fault is not None:
        alone = [_given(entry, content, folder, spoilt, _alone) for _ in range(2)]
        fault = _fault(*alone) or f"after other inputs: {fault}"
    elif _worker.growth_mb > LIMIT_MB:
        fault = f"after {COMMANDS} inputs {_worker.growth_mb:.0f} MB more than after a tenth of them"
        _worker.growth_mb = 0.0
    return Case("inputs", kind, seed, fault, endings[0].code == 2)


def _given(
    entry: Format, content: bytes, folder: Path, spoilt: Path, run_in: Callable[[list[str], Path], Ended]
) -> Ended:
    """How the reader of the format ends, given the content."""
    shutil.rmtree(spoilt, ignore_errors=True)
    if entry.beside:
        leave = shutil.ignore_patterns("audio" if entry.beside == kills.CORPUS else "")
        shutil.copytree(folder / entry.beside, spoilt, copy_function=_link, ignore=leave)
    else:
        spoilt.mkdir()
    file = spoilt / Path(entry.clean).name
    file.unlink(missing_ok=True)
    file.write_bytes(content)
    ended = run_in(entry.command(folder, spoilt), folder)
    shutil.rmtree(spoilt, ignore_errors=True)
    return ended


def _alone(arguments: list[str], folder: Path) -> Ended:
    return run(arguments, folder, limit=600, processor_limit=int(LIMIT_SECONDS))


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _fault(first: Ended, second: Ended) -> str | None:
    if first.fault or second.fault:
        return first.fault or second.fault
    if first.code not in (0, 2):
        return f"exit code {first.code}: {first.err[-200:]}"
    if first.peak_mb > LIMIT_MB:
        return f"took {first.peak_mb:.0f} MB"
    said = [(ended.code, TIMES.sub("", ended.out), TIMES.sub("", ended.err)) for ended in (first, second)]
    if said[0] != said[1]:
        return "answered differently the second time"
    lines = [line for line in first.err.splitlines() if line.strip()]
    if first.code == 2 and len(lines[-1]) > LONGEST_LINE:
        return f"a message of {len(lines[-1])} characters"
    return None
