from __future__ import annotations

import torch

from affetti.models.generators.completion import N_NEAREST, Completion
from affetti.models.generators.conditioning import Fields

FIELDS = Fields(mode=True, genres=("jazz", "rock"), instruments=("bass", "drums"))


def described(count: int = 400) -> torch.Tensor:
    """Rows whose mode is the sign of valence; jazz is calm, rock is not."""
    generator = torch.Generator().manual_seed(0)
    emotion = 2 * torch.rand(count, 2, generator=generator) - 1
    rest = [emotion[:, :1].sign(), (emotion[:, 1:] > 0).float(), torch.randint(0, 2, (count, 2), generator=generator)]
    return torch.cat([emotion, *rest], dim=1)


def fitted(conditions: torch.Tensor) -> Completion:
    model = Completion(FIELDS)
    model.fit(conditions)
    return model


def condition_of(*emotion: float, **fields: float) -> torch.Tensor:
    condition = torch.full((1, FIELDS.width), torch.nan)
    condition[0, : len(emotion)] = torch.tensor(emotion)
    for name, value in fields.items():
        condition[0, FIELDS.columns[name]] = value
    return condition


def test_requested_fields_stay_and_others_are_those_of_near_clips() -> None:
    model = fitted(described())
    condition = condition_of(0.7, -0.7).repeat(64, 1)
    result = model(condition, 3, torch.arange(64))
    assert torch.equal(result[:, :2], condition[:, :2])
    assert (result[:, 2] == 1).all(), "major, for it is glad"
    assert (result[:, 3] == 0).all(), "jazz, for it is calm"
    assert {tuple(row) for row in result[:, 4:].tolist()} == {(0, 0), (0, 1), (1, 0), (1, 1)}, "all that there is"


def test_the_other_fields_come_from_one_clip() -> None:
    rows = described()
    near = ((rows[:, :2] - torch.tensor([0.2, 0.3])) / rows[:, :2].std(dim=0, unbiased=False)).norm(dim=1)
    nearest = {tuple(row) for row in rows[near.argsort()[:N_NEAREST], 2:].tolist()}
    result = fitted(rows)(condition_of(0.2, 0.3).repeat(200, 1), 0, torch.arange(200))
    assert {tuple(row) for row in result[:, 2:].tolist()} == nearest


def test_a_requested_field_is_matched_among_farther_clips() -> None:
    result = fitted(described())(condition_of(0.1, -0.1, mode=-1.0, genre=1.0).repeat(32, 1), 0, torch.arange(32))
    assert (result[:, 2:4] == torch.tensor([-1.0, 1.0])).all()
    assert result.isfinite().all()


def test_an_empty_condition_is_completed_by_any_clip() -> None:
    result = fitted(described())(condition_of().repeat(64, 1), 0, torch.arange(64))
    assert result.isfinite().all()
    assert (result[:, :2].abs() <= 1).all()


def test_a_row_depends_only_on_its_condition_and_index() -> None:
    model = fitted(described())
    conditions = torch.cat([condition_of(0.3, -0.2).repeat(20, 1), condition_of(-0.6, 0.5).repeat(20, 1)])
    whole = model(conditions, 7, torch.arange(40))
    order = torch.randperm(40)
    assert torch.equal(model(conditions[order], 7, order), whole[order])
    assert torch.equal(model(conditions[5:6], 7, torch.tensor([5])), whole[5:6])
    assert not torch.equal(model(conditions, 8, torch.arange(40)), whole)


def test_missing_fields_of_clips_stay_unspecified() -> None:
    rows = described()
    rows[:, 2] = torch.nan
    result = fitted(rows)(condition_of(0.0, 0.0), 0, torch.tensor([0]))
    assert result[0].isnan().tolist() == [False, False, True, False, False, False]


def test_few_clips_and_many_are_remembered() -> None:
    for count in (3, 5000):
        model = fitted(described(count))
        assert int(model.count) == min(count, 1024)
        assert model(condition_of(0.0, 0.0), 0, torch.tensor([0])).isfinite().all()
        other = Completion(FIELDS)
        other.load_state_dict(model.state_dict())
        assert torch.equal(
            other(condition_of(0.5, 0.5), 1, torch.tensor([4])), model(condition_of(0.5, 0.5), 1, torch.tensor([4]))
        )
