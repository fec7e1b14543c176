from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError

STEPS = 40


def of_torch(make):
    """Rates of a scheduler of PyTorch over `STEPS` steps, from a full rate of one."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = make(optimiser), []
    for _ in range(STEPS):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


torch_schedules = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        (nn.Constant(), lambda o: torch_schedules.ConstantLR(o, factor=1.0)),
        (nn.Cosine(final=0.1), lambda o: torch_schedules.CosineAnnealingLR(o, STEPS, eta_min=0.1)),
        (nn.Exponential(final=0.05), lambda o: torch_schedules.ExponentialLR(o, 0.05 ** (1 / STEPS))),
        (nn.StepDecay(by=0.5, times=4), lambda o: torch_schedules.StepLR(o, STEPS // 4, gamma=0.5)),
    ],
)
def test_rates_are_those_of_pytorch(ours, peer):
    assert [ours(k / STEPS) for k in range(STEPS)] == pytest.approx(of_torch(peer), rel=1e-9)


def test_one_cycle_is_that_of_pytorch():
    # its last step is the end of the training, ours the beginning of the last update
    peer = of_torch(
        lambda o: torch_schedules.OneCycleLR(
            o, max_lr=1.0, total_steps=STEPS + 1, pct_start=(0.3 * STEPS + 1) / (STEPS + 1)
        )
    )
    ours = nn.OneCycle(peak=0.3)
    assert [ours(k / STEPS) for k in range(STEPS)] == pytest.approx(peer, rel=1e-9)
    assert ours(0.0) == pytest.approx(1 / 25)
    assert nn.OneCycle(peak=1.0)(1.0) == 1.0


def test_warming_up_comes_first():
    ours = nn.WarmUp(share=0.2, then=nn.Exponential(final=0.5))
    assert [ours(x) for x in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.5**0.5, 0.5])


def test_a_schedule_that_moves_once_an_epoch():
    for epochs in (3, 7, 49):
        ours = nn.Stepped(parts=epochs, of=nn.Cosine())
        for epoch in range(epochs):
            found = {ours((epoch + k / 11) / epochs) for k in range(11)}
            assert found == {nn.Cosine()(epoch / epochs)}, (epochs, epoch)


def test_the_blur_of_delays_is_annealed():
    module = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    module[1].sigma = 0.0
    anneal = nn.AnnealSigma(start=12.0, end=0.23, until=0.25, parts=148)
    factor = (0.23 / 12.0) ** (1 / 37)
    for epoch, wanted in ((0, 12.0), (1, 12.0 * factor), (10, 12.0 * factor**10), (37, 0.23), (100, 0.23)):
        anneal(module, (epoch + 0.5) / 148)
        assert module[1].sigma == pytest.approx(wanted)
    assert not hasattr(module[0], "sigma")
    assert np.diff([nn.AnnealSigma(start=5.0).sigma(x) for x in np.linspace(0, 1, 50)]).max() <= 0
    with pytest.raises(DescriptionError, match="no layer has a sigma"):
        anneal(module[0], 0.0)
