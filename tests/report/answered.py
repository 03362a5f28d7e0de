"""A small audit on disk, with one of everything an answer can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from affetti import config
from affetti.presets import FRONT_ENDS
from affetti.signal import audio
from affetti.storage import write_json
from affetti.studies.audit.answer import (
    Answer,
    IntervalFigure,
    LineFigure,
    Measurement,
    MelFigure,
    Origin,
    Panel,
    Series,
    Sound,
)

FRONT = FRONT_ENDS["tiny"]
PAIR = Measurement("pair_mel", "piano against guitar, mel with 64 bands", 0.91, (0.88, 0.94), 24)
HARD = Measurement("pair_stft", "the same, STFT", -0.0042, (-0.0061, 0.0012), 24, note="few <songs>")


def answers() -> dict[str, Answer]:
    """By question: estimates, a lack, log-mels with sounds, curves."""
    missing = Measurement.missing("generated", "blur of generated mixes", "a generator: give --models", "%")
    inverted = Series("Griffin-Lim", ((1, 5.0, 4.5, 5.5), (32, 12.0, 11.0, 13.0)))
    plain = Series("random phase", ((1, -3.0, -3.0, -3.0), (32, -3.0, -3.0, -3.0)))
    panels = (Panel("as it is", "original"), Panel("Griffin-Lim & 32 turns", "rebuilt"))
    origins: tuple[Origin, ...] = ("composed", "rebuilt")
    sounds = [Sound(panels[i].label, origins[i], f"sounds/phase-{i}.flac") for i in (0, 1)]
    return {
        "timbre": Answer(
            "Instruments look alike: r is 0.91 [0.88, 0.94], and −0.00 at worst -0.01.",
            (PAIR, HARD, missing),
            IntervalFigure("Pearson r of two instruments", ("pair_mel", "pair_stft", "generated"), zero=True),
            cautions=("Only <two> instruments.",),
        ),
        "structure": Answer("Not measurable here: needs sections.", needs="sections"),
        "phase": Answer(
            "Phase costs 9.0 dB.",
            (Measurement("loss", "SI-SDR", 12.0, None, 1, unit="dB"),),
            mels=MelFigure("A clip before and after", panels),
            sounds=(*sounds, Sound("a fresh song", "generated", "sounds/phase-2.flac")),
        ),
        "ceiling": Answer(
            "Real songs cap at 100 [97, 100] of 100.",
            (Measurement("turns", "turns", 32.0, None, 1),),
            lines=LineFigure("How much more turns help", "turns", "SI-SDR, dB", (inverted, plain)),
        ),
    }


def claim(verdict: str, section: str, **change: Any) -> dict[str, Any]:
    """A row of the table of claims."""
    row = {
        "id": f"c-{section}",
        "topic": "timbre",
        "section": section,
        "question": "What?",
        "measurement": "timbre.pair_mel",
    }
    row |= {"claim": f"What {section} says", "claimed": [0.702, 0.858], "measured": 0.91, "ci": [0.88, 0.94]}
    row |= {
        "n": 24,
        "of": "songs",
        "unit": "",
        "verdict": verdict,
        "reason": "by the rule",
        "needs": "",
        "needs_listeners": False,
    }
    return row | {"command": "affetti audit CORPUS --only timbre --out DIR"} | change


def document(corpus: str = "data/comp") -> dict[str, Any]:
    """What ``result.json`` holds."""
    questions = [
        {"id": name, "question": f"What does {name} lose?", "method": f"By looking at {name}."}
        | config.unstructure(answer)
        for name, answer in answers().items()
    ]
    nothing = {"measured": None, "ci": None, "n": 0, "measurement": ""}
    rows = [
        claim("contradicted", "3.1"),
        claim("supported", "3.10", claimed=[0.5, None], claim="at least half <b>alike</b>"),
        claim("undecided", "2.2", claimed=[None, 70.0], unit="%", needs="listeners", needs_listeners=True, **nothing),
        claim("undecided", "Summary", claimed=None, **nothing),
    ]
    wording: dict[str, Any] = {"paragraph": "We lose & measure 9.0 dB.", "footnote": "A footnote."}
    row = {"limitation": "phase", "information_loss": "9.0 dB", "quality_impact": "3", "mitigation": "a vocoder"}
    return {
        "verb": "audit",
        "questions": questions,
        "findings": rows,
        "wording": wording | {"table": [row]},
        "corpus": corpus,
        "corpus_hash": "abc123",
        "front_end": FRONT.hash,
        "composed": True,
        "n": {"clips": 1920, "songs": 240},
        "generators": [{"name": "flow", "path": "generated/flow"}],
        "studies": ["some study"],
        "quick": True,
        "seed": 3,
        "versions": {"affetti": "0"},
    }


def audited(folder: Path) -> Path:
    """File the audit in ``folder``."""
    rng = np.random.default_rng(0)
    write_json(folder / "config.json", {"verb": "audit", "corpus_hash": "abc123", "models": ["no such weights"]})
    write_json(folder / "result.json", document())
    (folder / "answers").mkdir()
    mels = {"original": rng.normal(-30, 10, (64, 60)), "rebuilt": rng.normal(-40, 10, (64, 40))}
    original, rebuilt = (mels[name].astype(np.float16) for name in ("original", "rebuilt"))
    np.savez(folder / "answers" / "phase.npz", original=original, rebuilt=rebuilt)
    (folder / "sounds").mkdir()
    tone = np.sin(np.arange(int(1.5 * FRONT.sample_rate)) * 0.2)
    for number, level in enumerate((0.02, 0.4, 0.1)):
        audio.save(folder / "sounds" / f"phase-{number}.flac", (level * tone).astype(np.float32), FRONT.sample_rate)
    return folder
