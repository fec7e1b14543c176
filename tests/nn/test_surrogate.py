from __future__ import annotations

import math

import pytest
import torch

from neurosim.errors import DescriptionError
from neurosim.nn.surrogate import Arctan, Boxcar, Sigmoid, SuperSpike, Surrogate, Triangle, heaviside

U = torch.linspace(-3, 3, 601, dtype=torch.float64)

# the antiderivative of each: the derivative is checked by autograd rather than by the formula again
PRIMITIVES = [
    (
        Triangle(height=0.7, width=1.5),
        lambda u: 0.7 * torch.where(u.abs() < 1.5, u - u * u.abs() / 3, u.sign() * 0.75),
    ),
    (Arctan(alpha=3.0), lambda u: torch.atan(math.pi * 3.0 * u / 2) / math.pi),
    (Sigmoid(alpha=5.0), lambda u: torch.sigmoid(5.0 * u)),
    (SuperSpike(beta=4.0), lambda u: u / (1 + 4.0 * u.abs())),
    (Boxcar(width=0.5), lambda u: u.clamp(-0.25, 0.25) / 0.5),
]


@pytest.mark.parametrize(("surrogate", "primitive"), PRIMITIVES, ids=lambda p: type(p).__name__)
def test_the_derivative_is_that_of_the_smooth_step(surrogate, primitive):
    u = (U + 1e-4).requires_grad_()  # off the kinks
    (expected,) = torch.autograd.grad(primitive(u).sum(), u)
    torch.testing.assert_close(surrogate.derivative(u.detach()), expected, rtol=1e-12, atol=1e-12)
    assert isinstance(surrogate, Surrogate)


@pytest.mark.parametrize("surrogate", [p[0] for p in PRIMITIVES], ids=lambda s: type(s).__name__)
def test_heaviside_is_a_step_forward_and_the_surrogate_backward(surrogate):
    u = U.clone().requires_grad_()
    weight = torch.arange(len(U), dtype=torch.float64)
    out = heaviside(u, surrogate)
    (grad,) = torch.autograd.grad((out * weight).sum(), u)
    assert torch.equal(out, (U >= 0).double())
    assert torch.equal(grad, weight * surrogate.derivative(U))
    assert torch.equal(heaviside(U, surrogate, exceeded=True), (U > 0).double())


def test_arctan_agrees_with_spikingjelly():
    peer = pytest.importorskip("spikingjelly.activation_based.surrogate")
    pairs = ((Arctan(alpha=2.0), peer.ATan(alpha=2.0)), (Sigmoid(alpha=4.0), peer.Sigmoid(alpha=4.0)))
    for mine, theirs in pairs:
        u = U.clone().requires_grad_()
        (expected,) = torch.autograd.grad(theirs(u).sum(), u)
        torch.testing.assert_close(mine.derivative(U), expected, rtol=1e-12, atol=1e-12)


def test_a_width_of_zero_is_refused():
    with pytest.raises(DescriptionError, match=r"Triangle.width.*got 0"):
        Triangle(width=0.0)
