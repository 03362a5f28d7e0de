"""Changed copies of the training clips' own audio, as a corpus: the arms ``audio-stretch`` and ``audio-shift``.

Copy i is of training clip i modulo their number, changed by an amount that depends on (seed, i) alone, within the
limits in which a label holds. A copy keeps its song's id, so that the guards against leakage know what it was made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.augment import waveform
from affetti.corpus import Corpus
from affetti.corpus.provenance import Provenance
from affetti.corpus.store import audio_file
from affetti.corpus.writer import CorpusWriter, MelTask
from affetti.errors import InputError
from affetti.execution import Executor, LocalExecutor
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.signal import audio
from affetti.signal.front_ends import spectrogram

CLIPS_PER_SHARD = 32


@dataclass(frozen=True)
class CopyTask(MelTask):
    """Changes the audio of a range of clips and saves their log-mels. Idempotent."""

    corpus: Path
    rows: tuple[int, ...]
    kind: str
    """``stretch`` or ``shift``."""
    seed: int

    def inputs(self) -> tuple[Path, ...]:
        """The corpus."""
        return (self.corpus,)

    def __call__(self, start: int, stop: int) -> None:
        """Make copies ``start`` to ``stop``."""
        corpus = Corpus.open(self.corpus)
        front, to_mel = corpus.front_end, spectrogram(corpus.front_end)
        names = corpus.clips["clip_id"].tolist()
        mels: list[NDArray[np.float16]] = []
        for number in range(start, stop):
            file = audio_file(self.corpus / "audio", names[self.rows[number]])
            if not file.is_file():
                raise InputError(
                    "the audio of a clip is missing", where=file, hint="prepare it again with --keep-audio"
                )
            original = audio.load(file, front.sample_rate)[: front.samples]
            original = torch.nn.functional.pad(original, (0, front.samples - len(original)))
            rng = np.random.default_rng(child_seed("copy", self.kind, self.seed, number))
            amount = waveform.draw_amount(self.kind, rng)
            changed = torch.from_numpy(
                waveform.augment_waveform(original.numpy(), front.sample_rate, self.kind, amount)
            )
            with torch.inference_mode():
                mels.append(to_mel(changed).numpy().astype(np.float16))
        self.save(start, stop, np.stack(mels))


@releases_outputs
def write_audio_copies(
    corpus: Corpus,
    fold: int,
    n: int,
    kind: str,
    out: Path,
    *,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Corpus:
    """``n`` changed copies of the training clips of ``fold``, into a corpus at ``out``.

    Args:
        corpus: a corpus that kept its audio.
        fold: its training clips are copied.
        n: how many copies.
        kind: ``stretch`` or ``shift``.
        out: folder of the new corpus.
        seed: of the amounts.
        executor: makes the copies; this process by default.
        progress: called with copies done.

    Raises:
        MissingDependencyError: audiomentations is not installed.
        InputError: the audio of a clip is missing.
    """
    waveform.load_audiomentations()
    train = corpus.fold(fold).train
    chosen = train[np.arange(n) % len(train)]
    signature = f"copies {kind} {seed} {n} {fold} {corpus.hash}"
    writer = CorpusWriter(out, corpus.front_end, signature)
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()
    task = CopyTask(out, corpus.path, tuple(chosen.tolist()), kind, seed)
    (executor or LocalExecutor()).map_ranges(task, n, CLIPS_PER_SHARD, stage=f"audio {kind}", progress=progress)
    writer.join_shards(task.shards(n, CLIPS_PER_SHARD), np.ones(n, dtype=bool))
    clips = corpus.clips.iloc[chosen].copy()
    clips["clip_id"] = [f"{name}-{kind}{i}" for i, name in enumerate(clips["clip_id"])]
    clips = clips.assign(fold=-1, part="", synthetic=True, sha256="", duplicates="")
    meta = {key: corpus.meta[key] for key in ("preset", "licence", "label_scale", "source")}
    provenance = Provenance(f"audio-{kind}", training_songs=tuple(sorted(set(corpus.songs[train].tolist()))))
    meta |= {"seed": seed, "folds": 0, "notes": ["changed copies of clips"], "skipped": [], "label_audit": []}
    return writer.finish(clips, meta | {"provenance": provenance.to_dict()})
