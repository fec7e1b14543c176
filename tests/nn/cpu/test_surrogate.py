from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.cpu.surrogate import GIVEN, derivative_row
from neurosim.nn.surrogate import Arctan, Boxcar, Sigmoid, SuperSpike, Triangle, kernel_of

SURROGATES = [
    Triangle(height=0.7, width=1.5), Boxcar(width=0.5), Arctan(alpha=3.0), Sigmoid(alpha=5.0), SuperSpike(beta=4.0)
]  # fmt: skip


@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda s: type(s).__name__)
def test_the_kernel_computes_the_derivative(surrogate):
    u = np.random.default_rng(0).normal(0, 2, 101)
    limit = np.random.default_rng(1).normal(1, 0.1, 101)
    kernel = kernel_of(surrogate)
    out = np.empty_like(u)
    derivative_row(kernel.code, kernel.first, kernel.second, u, limit, out)
    expected = surrogate.derivative(torch.from_numpy(u - limit)).numpy()
    assert expected.max() > 0.1
    np.testing.assert_allclose(
        out, expected, rtol=1e-12, atol=1e-14
    )  # far out, sigmoids are exact absolutely


def test_a_class_derived_from_one_is_not_taken_for_it():
    class Steeper(Arctan):
        def derivative(self, u):
            return 2 * super().derivative(u)

    assert kernel_of(Steeper()).code == GIVEN
    assert kernel_of(Arctan()).code != GIVEN
