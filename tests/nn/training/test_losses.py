from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.training.losses import needs_hidden, scores_of

LABELS = torch.tensor([0, 1, 2, 3, 0, 1])


def outputs():
    rng = np.random.default_rng(0)
    return [torch.tensor((rng.uniform(size=(20, 6, n)) < 0.3).astype(np.float64)) for n in (8, 4)]


def potentials():
    return torch.tensor(np.random.default_rng(1).normal(size=(20, 6, 4)))


def cross_entropy(logits):
    """By hand, in NumPy."""
    logits = np.asarray(logits)
    return -np.log(np.exp(logits)[np.arange(6), LABELS] / np.exp(logits).sum(1)).mean()


def test_it_is_the_cross_entropy_of_spike_counts():
    _, out = outputs()
    found = nn.SpikeCountCrossEntropy(scale=0.5)(outputs(), LABELS).item()
    assert found == pytest.approx(cross_entropy(0.5 * out.sum(0)))


def test_the_penalty_is_the_squared_distance_of_hidden_counts_from_the_range():
    count = outputs()[0].sum(0).mean(0).numpy()
    low, high = np.quantile(count, [0.3, 0.7])
    outside = np.maximum(low - count, 0) + np.maximum(count - high, 0)
    free = nn.SpikeCountCrossEntropy()(outputs(), LABELS)
    held = nn.SpikeCountCrossEntropy(rate_weight=2.0, rate_low=low, rate_high=high)(outputs(), LABELS)
    assert (held - free).item() == pytest.approx(2.0 * (outside**2).mean())


def test_a_scale_of_zero_is_refused():
    with pytest.raises(DescriptionError, match="scale"):
        nn.SpikeCountCrossEntropy(scale=0.0)


def test_rates_are_compared_with_those_wanted():
    rates = outputs()[1].mean(0).numpy()
    wanted = np.full((6, 4), 0.1)
    wanted[np.arange(6), LABELS] = 0.6
    found = nn.RateMSE(right=0.6, wrong=0.1)(outputs(), LABELS).item()
    assert found == pytest.approx(((rates - wanted) ** 2).mean())


def first_step(spikes):
    fired = spikes.numpy() > 0
    return np.where(fired.any(0), fired.argmax(0), len(fired))


def test_the_first_spike_names_the_class():
    out = outputs()[1]
    out[:, 0, 2] = 0.0  # silent: as late as can be
    loss = nn.FirstSpikeCrossEntropy(tau=3.0)
    assert np.array_equal(loss.latency(out), first_step(out))
    assert loss([out], LABELS).item() == pytest.approx(cross_entropy(first_step(out) / -3.0))
    assert np.array_equal(loss.scores(out).argmax(1), first_step(out).argmin(1))


def test_the_gradient_of_a_latency_is_what_one_spike_more_or_less_does_to_it():
    out = outputs()[1].requires_grad_()
    loss = nn.FirstSpikeCrossEntropy()
    (grad,) = torch.autograd.grad(loss.latency(out).sum(), out)
    with torch.no_grad():
        for t, b, n in ((0, 0, 0), (1, 2, 3), (5, 1, 1), (19, 5, 2)):
            flipped = out.detach().clone()
            flipped[t, b, n] = 1 - flipped[t, b, n]
            change = (first_step(flipped) - first_step(out.detach())).sum()
            assert grad[t, b, n].item() == change * (1 - 2 * out[t, b, n].item())


@pytest.mark.parametrize(
    ("over", "of"),
    [
        (nn.OverTime.MAX, lambda v: v.max(0)),
        (nn.OverTime.MEAN, lambda v: v.mean(0)),
        (nn.OverTime.LAST, lambda v: v[-1]),
    ],
)
def test_the_readouts_potential_over_time_is_a_logit(over, of):
    v = potentials()
    found = nn.MembraneCrossEntropy(over=over, scale=2.0)([v], LABELS).item()
    assert found == pytest.approx(cross_entropy(2.0 * of(v.numpy())))


def test_the_softmax_of_every_step_is_added_up():
    v = potentials().numpy()
    shares = np.exp(v) / np.exp(v).sum(2, keepdims=True)
    assert nn.SoftmaxSumCrossEntropy()([potentials()], LABELS).item() == pytest.approx(
        cross_entropy(shares.sum(0))
    )


def test_van_rossum_is_the_integral_of_the_squared_difference_of_filtered_trains():
    rng = np.random.default_rng(2)
    targets = (rng.uniform(size=(4, 20, 4)) < 0.2).astype(np.float64)
    loss, out = nn.VanRossumDistance(targets=targets, tau=3.0), outputs()[1]
    fine, tau = np.arange(0, 200, 1e-2), 3.0  # long enough for the tails to be gone
    response = np.exp(-(fine[:, None] - np.arange(20)) / tau) * (fine[:, None] >= np.arange(20))
    filtered = np.einsum(
        "ft,bnt->bnf", response, out.permute(1, 2, 0).numpy() - targets[LABELS].transpose(0, 2, 1)
    )
    wanted = (filtered**2).sum((1, 2)) * 1e-2 / tau
    assert loss([out], LABELS).item() == pytest.approx(wanted.mean(), rel=1e-2)  # the step of the sum
    one = torch.zeros(20, 1, 4, dtype=torch.float64)
    one[7, 0, 1] = 1.0
    silent = nn.VanRossumDistance(targets=np.zeros((4, 20, 4)), tau=3.0)
    assert silent([one], LABELS[:1]).item() == pytest.approx(0.5)
    mine = torch.tensor(targets[2])[:, None]
    assert loss([mine], torch.tensor([2])).item() == 0.0
    assert loss.scores(mine).argmax().item() == 2
    with pytest.raises(ShapeError, match=r"\[classes, 10, 4\]"):
        loss([out[:10]], LABELS)
    with pytest.raises(DescriptionError, match="classes, T, n"):
        nn.VanRossumDistance(targets=np.zeros((3, 2)))


def test_losses_and_penalties_add_up():
    counts, upper, total = nn.SpikeCountCrossEntropy(), nn.UpperRate(weight=0.3, limit=4.0), nn.TotalSpikes()
    parts = [term(outputs(), LABELS).item() for term in (counts, upper, total)]
    both = counts + upper + total
    assert both(outputs(), LABELS).item() == pytest.approx(sum(parts))
    assert both == nn.LossSum(terms=(counts, upper, total))
    assert (counts + (nn.LossSum(terms=(upper,)) + total)) == both
    late = nn.FirstSpikeCrossEntropy() + upper
    assert torch.equal(scores_of(late)(outputs()[1]), nn.FirstSpikeCrossEntropy().scores(outputs()[1]))
    assert torch.equal(scores_of(lambda o, y: None)(outputs()[1]), outputs()[1].sum(0))
    with pytest.raises(TypeError):
        counts + 1.0
    looks = [counts, late, both, nn.SpikeCountCrossEntropy(rate_weight=1.0), lambda o, y: None]
    assert [needs_hidden(loss) for loss in looks] == [False, True, True, True, True]
