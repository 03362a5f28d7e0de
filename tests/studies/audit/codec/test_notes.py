"""Notes as each representation shows them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.signal.test_harmony import RATE, cadence

from affetti.presets import mel_front_end
from affetti.signal.harmony import fold_octaves, note_magnitudes
from affetti.signal.mel import MelSpectrogram
from affetti.studies.audit.codec import notes
from affetti.studies.audit.codec.latents import fit_latents


def tone(note: int, seconds: float = 2.0) -> torch.Tensor:
    """A sine at a note counted from C1."""
    hertz = 440.0 * 2.0 ** ((note - 45) / 12)
    return 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize("note", [48, 57, 67])
def test_every_spectrum_shows_a_tone_at_its_note(note: int) -> None:
    shown = dict(notes.representations_of(tone(note)))
    assert set(shown) == {"cqt", "stft", "mel_256", "mel_128", "mel_64"}
    frames = {name: magnitudes.shape for name, magnitudes in shown.items()}
    assert set(frames.values()) == {(84, 1 + round(2 * RATE) // 1024)}
    for name in ("cqt", "stft", "mel_256"):
        assert shown[name].mean(axis=1).argmax() == note, name


def test_the_constant_q_transform_is_that_of_the_features() -> None:
    sound = cadence("minor")
    np.testing.assert_array_equal(dict(notes.representations_of(sound, ("cqt",)))["cqt"], note_magnitudes(sound, RATE))


def test_the_finer_the_bands_the_more_of_the_chroma_is_left() -> None:
    sound = cadence("major")
    shown = {name: fold_octaves(each).mean(axis=1) for name, each in notes.representations_of(sound)}
    near = [np.corrcoef(shown["cqt"], shown[name])[0, 1] for name in ("stft", "mel_256", "mel_128", "mel_64")]
    assert near[0] > 0.9
    assert near[0] > near[2] > near[3]


def test_low_notes_that_fall_into_one_band_are_not_told_apart() -> None:
    """At 64 bands a semitone near C2 is a fifth of a band wide."""
    low, lower = (dict(notes.representations_of(tone(note), ("cqt", "mel_64"))) for note in (13, 12))
    assert low["cqt"].mean(axis=1).argmax() != lower["cqt"].mean(axis=1).argmax()
    assert low["mel_64"].mean(axis=1).argmax() == lower["mel_64"].mean(axis=1).argmax()


def test_a_log_mel_gives_the_notes_of_its_bands() -> None:
    sound, front = cadence("major"), mel_front_end("paper")
    of_power = dict(notes.representations_of(sound, ("mel_128",)))["mel_128"]
    of_log_mel = notes.notes_of_log_mel(MelSpectrogram(front)(sound).numpy(), front)[:, ::2]
    strong = of_power > 0.05 * of_power.max()
    np.testing.assert_allclose(of_log_mel[strong], of_power[strong], rtol=1e-3)


def test_weights_of_a_note_sum_to_one_within_range_and_to_none_outside() -> None:
    flat = notes.note_weights(tuple(np.linspace(60.0, 3_000.0, 200).tolist()), 0.0).sum(axis=1)
    hertz = 32.7032 * 2.0 ** (np.arange(84) / 12)
    inside = (hertz > 64) & (hertz < 2_800)
    np.testing.assert_allclose(flat[inside], 1.0)
    assert not flat[hertz < 55].any()
    assert not flat[hertz > 3_200].any()


def test_a_tuning_moves_the_notes_with_the_sound() -> None:
    raised = 0.5 * torch.sin(2 * torch.pi * 440 * 2 ** (0.4 / 12) * torch.arange(RATE) / RATE)
    for name in ("cqt", "stft"):
        flat, followed = (
            dict(notes.representations_of(raised, (name,), tuning=by))[name].mean(axis=1) for by in (0.0, 0.4)
        )
        assert followed.argmax() == 45
        assert followed[45] / followed.sum() >= flat[45] / flat.sum()


def test_latents_code_pieces_and_keep_the_length() -> None:
    sound = torch.cat([cadence("major"), cadence("minor"), cadence("major", 3)])
    log_mel = notes.log_mel_of(notes.stft(sound, notes.FRONT_END).abs().square())
    pieces = notes.pieces_of(log_mel)
    assert pieces.shape == (-(-log_mel.shape[1] // 258), 128, 258)
    np.testing.assert_array_equal(np.concatenate(list(pieces), axis=1)[:, : log_mel.shape[1]], log_mel)
    shown = dict(
        notes.representations_of(sound, ("mel_128", "patches", "latent"), fit_latents(pieces, notes.FRONT_END))
    )
    assert {each.shape for each in shown.values()} == {(84, -(-log_mel.shape[1] // 2))}
    folded = {name: fold_octaves(each).mean(axis=1) for name, each in shown.items()}
    assert np.corrcoef(folded["patches"], folded["mel_128"])[0, 1] > 0.9


def test_silence_and_a_very_short_sound_have_no_notes_or_few_frames() -> None:
    for name, shown in notes.representations_of(torch.zeros(RATE)):
        assert not shown[:, 0].std() > 1e-4, name
    assert all(shown.shape == (84, 1) for _, shown in notes.representations_of(torch.zeros(10)))
