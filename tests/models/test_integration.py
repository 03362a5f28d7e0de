from __future__ import annotations

import math

import pytest
import torch

from affetti.models.integration import heun


def test_the_error_of_a_linear_velocity_falls_with_the_square_of_the_step() -> None:
    # dx/dt = x from t = 1 to 0: x(0) = x(1) / e.
    errors = [abs(float(heun(lambda x, _: x, torch.ones((), dtype=torch.float64), n)) - 1 / math.e) for n in (200, 400)]
    assert errors[0] < 1e-4
    # The last step is Euler's, whose one error is of second order.
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_at_least_one_step_is_made() -> None:
    assert float(heun(lambda x, _: torch.ones_like(x), torch.zeros(()), 0)) == -1
