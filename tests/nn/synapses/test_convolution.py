from __future__ import annotations

import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError, ShapeError, UnsupportedError

CASES = [
    (nn.Conv1d, (2, 9), 4, 3, {"stride": 2, "padding": 1}),
    (nn.Conv1d, (4, 9), 6, 2, {"groups": 2, "dilation": 3}),
    (nn.Conv2d, (2, 6, 5), 3, 3, {"padding": 1}),
    (nn.Conv2d, (4, 6, 7), 4, (2, 3), {"stride": (1, 2), "padding": (0, 2), "groups": 4, "dilation": (1, 2)}),
]


@pytest.mark.parametrize(("kind", "shape", "out", "kernel", "options"), CASES)
def test_convolutions_are_pytorchs_in_every_step(kind, shape, out, kernel, options):
    layer = kind(shape, out, kernel, dtype=torch.float64, **options)
    theirs = getattr(torch.nn, kind.__name__)(
        shape[0], out, kernel, bias=False, dtype=torch.float64, **options
    )
    with torch.no_grad():
        theirs.weight.copy_(layer.weight)
    x = torch.rand(3, 2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    expected = torch.stack([theirs(step) for step in x])
    assert expected.shape[2:] == layer.out_shape
    y, state = layer(x)
    assert state is None
    torch.testing.assert_close(y, expected.flatten(2), rtol=1e-12, atol=1e-12)
    for mine, other in zip(
        torch.autograd.grad(y.square().sum(), (x, layer.weight)),
        torch.autograd.grad(expected.square().sum(), (x, theirs.weight)),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)
    assert torch.equal(layer(x.flatten(2))[0], y)


def test_a_fixed_delay_shifts_and_is_carried_on():
    x = torch.rand(9, 2, 8, generator=torch.Generator().manual_seed(0))
    late, now = (nn.Conv1d((2, 4), 3, 2, fixed_delay=d) for d in (3, 0))
    whole, _ = late(x)
    assert torch.equal(whole[3:], now(x[:-3])[0])
    assert not whole[:3].any()
    first, state = late(x[:2])
    second, state = late(x[2:4], state)
    rest, _ = late(x[4:], state)
    assert torch.equal(torch.cat([first, second, rest]), whole)


def test_first_weights_have_the_scale_of_the_fan_in():
    weight = nn.Conv2d((8, 20, 20), 64, 5, seed=3).weight.detach()
    bound = (6 / 200) ** 0.5
    assert weight.abs().max() <= bound
    assert float(weight.square().mean()) == pytest.approx(bound**2 / 3, rel=0.05)
    assert not torch.equal(weight, nn.Conv2d((8, 20, 20), 64, 5, seed=4).weight)


def test_a_quantiser_sees_channels_by_inputs():
    seen = []

    def quantiser(weight):
        seen.append(tuple(weight.shape))
        return weight.round()

    layer = nn.Conv2d((2, 4, 4), 3, 3, quantiser=quantiser, gain=3.0)
    assert torch.equal(layer.effective_weight(), layer.weight.round())
    assert seen == [(3, 18)]


def test_what_does_not_fit_is_refused():
    with pytest.raises(DescriptionError, match="groups"):
        nn.Conv2d((3, 4, 4), 4, 3, groups=2)
    with pytest.raises(DescriptionError, match="larger"):
        nn.Conv1d((3, 4), 4, 5)
    with pytest.raises(DescriptionError, match="padding"):
        nn.Conv1d((3, 4), 4, 3, padding=-1)
    with pytest.raises(DescriptionError, match="axes"):
        nn.Conv2d((3, 4), 4, 3)
    with pytest.raises(UnsupportedError, match="noise"):
        nn.Conv2d((3, 4, 4), 4, 3, noise=lambda w, seed, index: w)
    with pytest.raises(ShapeError, match=r"\[T, B, 48\]"):
        nn.Conv2d((3, 4, 4), 4, 3)(torch.zeros(2, 1, 47))
