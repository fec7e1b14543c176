from __future__ import annotations

import pytest
import torch

from neurosim.nn.training.adam import Adam


@pytest.mark.filterwarnings("ignore")  # importing torch's optimisers may warn, depending on the version
def test_updates_are_those_of_pytorch():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(5, 4, dtype=torch.float64, generator=generator)
    mine, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    adam, peer = Adam({"w": mine}), torch.optim.Adam([theirs], lr=0.05)
    for _ in range(30):
        grad = torch.randn(5, 4, dtype=torch.float64, generator=generator)
        mine.grad, theirs.grad = grad.clone(), grad.clone()
        adam.step({"w": 0.05})
        peer.step()
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


def test_each_parameter_has_its_rate_and_none_moves_without_gradient_or_rate():
    parameters = {name: torch.nn.Parameter(torch.zeros(3)) for name in ("a", "b", "still", "silent")}
    adam = Adam(parameters)
    for name in ("a", "b", "still"):
        parameters[name].grad = torch.ones(3)
    adam.step({"a": 0.1, "b": 0.3, "still": 0.0, "silent": 1.0})
    first = {name: p[0].item() for name, p in parameters.items()}  # the first step is the rate itself
    assert first == pytest.approx({"a": -0.1, "b": -0.3, "still": 0.0, "silent": 0.0}, abs=1e-6)
