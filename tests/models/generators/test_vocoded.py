from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from tests.material import stir

from affetti.errors import InputError, UsageError
from affetti.models.generators.conditioning import Fields
from affetti.models.generators.vocoded import Vocoded, VocodedConfig
from affetti.models.sampling import Sampler
from affetti.presets import front_end
from affetti.training.start import take_weights

SHAPE = (64, 32)
LEAN: dict[str, Any] = {
    "widths": (16,),
    "embedding": 16,
    "components": 4,
    "steps": 2,
    "guide_width": 8,
    "head_width": 16,
    "head_blocks": 1,
    "iterations": 4,
}
SAMPLES = 31 * 1_024 + 300


def fitted(fields: Fields = Fields(), **settings: Any) -> Vocoded:
    torch.manual_seed(0)
    model = Vocoded(SHAPE, VocodedConfig(**(LEAN | settings)), fields)
    stir(model, size=0.05)
    clips = 0.1 * torch.randn(8, SAMPLES).cumsum(dim=1).sin() * torch.rand(8, 1)
    model.fit_statistics(clips, torch.rand(8, fields.width))
    return model.eval()


def test_a_clip_is_whole_and_as_long_as_those_of_the_training() -> None:
    made = fitted().sample(torch.zeros(2, 2), 0)
    assert made.shape == (2, SAMPLES)
    assert made.abs().max() <= 1
    assert made.std(dim=1).min() > 1e-4


def test_its_sound_is_that_of_the_flows_log_mel() -> None:
    model, condition = fitted(iterations=32), torch.tensor([[0.5, -0.5]])
    mel = model.flow.sample(condition, 3)[0]
    again = Sampler(model, front_end("tiny"), seed=3)(condition).mel[0]
    loud = mel > mel.max() - 25
    assert (again - mel)[loud].abs().median() < 3, "dB"


def test_a_sample_is_the_same_in_any_batch_and_order() -> None:
    model, condition = fitted(), torch.rand(6, 2) * 2 - 1
    whole = model.sample(condition, 9)
    loud = whole.abs().max()
    for i in (0, 5):
        alone = model.sample(condition[i : i + 1], 9, torch.tensor([i]))[0]
        assert (alone - whole[i]).abs().max() < 0.005 * loud, "0.05 dB"
    order = torch.randperm(6)
    assert (model.sample(condition[order], 9, order) - whole[order]).abs().max() < 0.005 * loud
    assert torch.equal(model.sample(condition, 9), whole)
    assert (model.sample(condition, 10) - whole).abs().max() > 0.01 * loud


def test_it_follows_fields_and_refuses_what_lies_off_the_plane() -> None:
    model = fitted(Fields(mode=True))
    minor, major = (torch.tensor([[0.1, 0.2, mode]]) for mode in (-1.0, 1.0))
    assert not torch.equal(model.sample(minor, 0), model.sample(major, 0))
    assert "mode" in [parameter.name for parameter in model.sampling_parameters]
    with pytest.raises(InputError, match=r"condition 0 is \(2, 0\)"):
        model.sample(torch.tensor([[2.0, 0.0]]), 0)


def test_no_conditions_make_no_clips() -> None:
    assert fitted().sample(torch.zeros(0, 2), 0).shape == (0, SAMPLES)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"front_end": "paper"}, "front_end paper has 128 bands, the clips 64"),
        ({"front_end": "papr"}, "there is no preset 'papr'"),
        ({"head_width": 0}, "head_width 0 is invalid"),
        ({"head_blocks": 0}, "head_blocks 0 is invalid"),
        ({"head_rate": 0.0}, "head_rate 0 is invalid"),
        ({"iterations": -1}, "iterations -1 is invalid"),
        ({"components": 0}, "components 0 is invalid"),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Vocoded(SHAPE, VocodedConfig(**setting))


def test_weights_of_instruments_are_taken_name_by_name() -> None:
    old = fitted(Fields(instruments=("bass", "piano")))
    new = Vocoded(SHAPE, old.config, Fields(instruments=("drums", "piano", "viola")))
    meta = SimpleNamespace(text="hashed", weights_sha256="", sources=())
    run = SimpleNamespace(kind="vocoded", model=old, generator=old, fields=old.fields, path=Path("run"), meta=meta)
    run.front_end = SimpleNamespace(shape=SHAPE)
    taken = take_weights(new, cast("Any", run), "hashed")
    rows = [cast("Any", model.condition.encoders["instruments"]).weight.T for model in (old, new)]
    assert torch.equal(rows[0][1], rows[1][1])
    assert taken.weights.new_fields == ("instruments: drums|viola",)
    assert all(map(torch.equal, new.flow.net.parameters(), old.flow.net.parameters()))
