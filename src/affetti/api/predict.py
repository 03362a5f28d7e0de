"""``affetti predict``: valence and arousal of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from affetti.embedders.registry import make_embedder
from affetti.execution import Engine, executor, is_local
from affetti.inference.predictor import SongPrediction, predict_files
from affetti.inference.song_inputs import GivenInputs
from affetti.progress import Progress, silent
from affetti.report.curve import curve_picture, require_picture
from affetti.weights import SHIPPED


def run(
    model: str | Path = SHIPPED,
    audio: Sequence[str | Path] | str | Path = (),
    *,
    hop: float = 1.0,
    runtime: str = "torch",
    picture: str | Path | None = None,
    lyrics: str | Path | None = None,
    genre: str | None = None,
    instruments: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> list[SongPrediction]:
    """Predict valence and arousal of recordings; see :func:`affetti.inference.predictor.predict_files`.

    ``model`` is by default the regressor that ships with affetti, whose predictions say what it is and how well it
    agrees with listeners (``regressor``). ``picture`` is a file for a drawing of the curves, see
    :func:`affetti.report.curve.curve_picture`.
    ``lyrics`` (a text or ``.lrc`` file, or a folder of them named as the recordings), ``genre`` and ``instruments`` are
    for a regressor that was trained on them, with ``inputs``. By default all recordings are predicted in this process;
    with several ``workers``, or another ``engine``, in ranges of files.
    """
    paths = [audio] if isinstance(audio, str | Path) else list(audio)
    if picture is not None:
        require_picture(Path(picture))
    alone = is_local(engine) and workers in (None, 1)
    predictions = predict_files(
        model,
        [Path(path) for path in paths],
        hop=hop,
        runtime=runtime,
        device=device,
        make_embedder=make_embedder,
        given=GivenInputs(None if lyrics is None else Path(lyrics), genre, instruments),
        executor=None if alone else executor(engine, workers),
        progress=progress,
    )
    if picture is not None:
        curve_picture(predictions, Path(picture))
    return predictions
