"""``affetti score``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from affetti.cli.flags import CommonFlags, EngineFlags, parse, resolve, take_engine
from affetti.cli.output import note, print_result
from affetti.cli.progress import show_progress

if TYPE_CHECKING:
    from affetti.studies.scorecard.result import Scorecard


@dataclass(frozen=True)
class Flags(EngineFlags, CommonFlags):
    """Score a synthetic set against real music; every number is shown beside the score of real music itself."""

    real: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="REAL")]]
    """Real clips: a corpus, a folder of audio, or an .npy of dB log-mels [N, M, F]."""
    fake: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FAKE")]]
    """Synthetic clips: the same."""
    train: Path | None = None
    """What the generator was trained on, to search for copies."""
    fold: int | None = None
    """Compare with this fold's test clips of the corpus REAL, and search for copies of its training clips."""
    against: tyro.conf.UseAppendAction[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="OTHER_FAKE")]] = ()
    """Clips of another generator: a paired test of which of the two is closer to REAL. Give it again for each further
    generator; intervals then hold for all of them at once."""
    regressor: Path | None = None
    """Run of a regressor that predicts the emotions (default: one is trained on REAL, if that is a labelled corpus)."""
    features: Annotated[str | None, tyro.conf.arg(metavar="NAME[:PATH]")] = None
    """Features of all measures but the Quality Score: statistics (default), regressor:RUN, harmony, handcrafted,
    musicnn:WEIGHTS, fcn:WEIGHTS, hf:NAME_OR_FOLDER, muq:NAME_OR_FOLDER or omar-rq:NAME_OR_FOLDER. All but the first
    two need sets with audio."""
    groups: tuple[Path, ...] = field(default=())
    """Song ids of .npy sets, one a line: a file for REAL and, by choice, one for FAKE and one for each OTHER_FAKE."""
    conditions: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="TABLE")] = field(default=())
    """Emotions that the clips of folders and .npy files were generated for: a table with the columns file, valence and
    arousal (from -1 to 1; of an .npy the file is the row, from 0). One for all such sets, or one for each."""
    form: bool = False
    """Compare whole songs too, of corpora of songs: structure, repetition, contrast of sections, range of emotion."""
    preset: Annotated[str | None, tyro.conf.arg(name="front-end")] = None
    """Front-end for folders of audio."""
    out: Path | None = None
    """Folder for result.json and the plot data of the report."""
    device: str | None = None
    """Where networks run (default cpu): those of --features and --regressor."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "score")
    settings = resolve(flags, {"seed": 0, "features": "statistics", "device": "cpu"}, flags.config)
    take_engine(settings)
    real, fake = settings.pop("real"), settings.pop("fake")
    from affetti import api
    from affetti.studies.scorecard.unsaved import UnsavedScoreError

    groups = settings.get("groups") or ()
    try:
        with show_progress() as progress:
            card = api.score.run(real, fake, progress=progress, **settings)
    except UnsavedScoreError as error:
        _print(error.card, Path(real), groups, flags.json, None)
        raise
    _print(card, Path(real), groups, flags.json, settings.get("out"))
    return 0


def _print(card: Scorecard, real: Path, groups: Sequence[Path], as_json: bool, out: Path | None) -> None:
    from affetti.cli.score_text import score_notes, score_text

    for file in card.left_out:
        note(f"skipped {file.path}: {file.reason}")
    for line in score_notes(card, real, groups):
        note(f"note: {line}")
    print_result(card.to_dict(), as_json, score_text(card, out))
