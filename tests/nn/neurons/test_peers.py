"""The same rule in other packages: spikes and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from neurosim import neurons, nn
from neurosim.neurons.options import Discretisation, Reset, ResetTiming, SpikeWhen

T, B, N, DT = 40, 3, 6, 1e-3
EULER = Discretisation.EULER


def arrivals(scale=0.4):
    x = np.random.default_rng(0).normal(0.4 * scale, scale, (T, B, N))
    return torch.tensor(x, requires_grad=True)


def same(mine, theirs, x, tolerance=1e-10):
    """Equal spikes, and equal gradients of a weighted sum of them."""
    assert mine.sum() > 20
    assert torch.equal(mine, theirs)
    weight = torch.tensor(np.random.default_rng(1).normal(size=(T, B, N)))
    grads = [torch.autograd.grad((out * weight).sum(), x)[0] for out in (mine, theirs)]
    torch.testing.assert_close(*grads, rtol=tolerance, atol=tolerance * float(grads[1].abs().max()))


@pytest.mark.parametrize("reset", [Reset.TO_VALUE, Reset.BY_SUBTRACTION])
@pytest.mark.parametrize("detach", [True, False])
def test_spikingjelly(reset, detach):
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    # its LIFNode without decaying inputs does v <- v - v/tau + x: our Euler step with dt/tau_membrane = 1/tau
    theirs = neuron.LIFNode(
        tau=4.0, decay_input=False, v_threshold=1.0, v_reset=0.0 if reset is Reset.TO_VALUE else None,
        detach_reset=detach, step_mode="m", surrogate_function=surrogate.Sigmoid(alpha=4.0),
    )  # fmt: skip
    model = neurons.LIF(tau_membrane=4 * DT, discretisation=EULER, reset=reset)
    mine = nn.LIF(model, N, dt=DT, surrogate=nn.Sigmoid(alpha=4.0), detach_reset=detach)
    x = arrivals()
    same(mine(x)[0], theirs(x), x)


def test_spikingjelly_with_a_parametric_time_constant():
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    theirs = neuron.ParametricLIFNode(
        init_tau=4.0, decay_input=False, v_reset=0.0, detach_reset=True, step_mode="m",
        surrogate_function=surrogate.ATan(alpha=2.0),
    ).double()  # fmt: skip
    theirs.w.data.fill_(-math.log(3.0))  # which it holds in float32 at first
    model = neurons.LIF(tau_membrane=4 * DT, discretisation=EULER)
    mine = nn.LIF(model, N, dt=DT, learn="tau_membrane", dtype=torch.float64)
    x = arrivals()
    out, expected = mine(x)[0], theirs(x)
    assert torch.equal(out, expected)
    (grad,), (other,) = (
        torch.autograd.grad(o.square().sum(), p)
        for o, p in ((out, [mine.tau_membrane]), (expected, [theirs.w]))
    )
    # theirs learns w with 1/tau = sigmoid(w): dtau/dw = -(1 - 1/tau) tau
    torch.testing.assert_close(grad * -(1 - 1 / 4.0) * 4.0, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("late", [False, True])  # True is its default
def test_snntorch(late):
    snn = pytest.importorskip("snntorch")
    beta = 0.8
    theirs = snn.Leaky(
        beta=torch.tensor(beta, dtype=torch.float64), threshold=1.0, reset_mechanism="subtract", reset_delay=late,
        learn_threshold=False, spike_grad=snn.surrogate.atan(alpha=2.0),
    ).double()  # fmt: skip
    model = neurons.LIF(
        tau_membrane=-DT / math.log(beta), reset=Reset.BY_SUBTRACTION, spike_when=SpikeWhen.EXCEEDED,
        reset_timing=ResetTiming.NEXT_STEP if late else ResetTiming.SAME_STEP,
    )  # fmt: skip
    mine = nn.LIF(model, N, dt=DT, surrogate=nn.Arctan(alpha=2.0), detach_reset=late)
    x = arrivals()
    out, v = [], torch.zeros(B, N, dtype=torch.float64)
    for x_t in x:
        s, v = theirs(x_t, v)
        out.append(s)
    same(mine(x)[0], torch.stack(out), x, tolerance=1e-5)  # its spikes are float32, and so their gradients


def test_norse():
    norse = pytest.importorskip("norse.torch")
    parameters = norse.LIFBoxParameters(
        tau_mem_inv=torch.tensor(200.0, dtype=torch.float64), v_th=torch.tensor(1.0, dtype=torch.float64),
        method="super",
    )  # fmt: skip
    cell = norse.LIFBoxCell(parameters, dt=DT)
    # its surrogate has no sharpness; v <- v + dt/tau (x - v): our Euler step for arrivals that are scaled with dt/tau
    model = neurons.LIF(tau_membrane=5 * DT, discretisation=EULER, spike_when=SpikeWhen.EXCEEDED)
    mine = nn.LIF(model, N, dt=DT, surrogate=nn.SuperSpike(beta=1.0), detach_reset=False)
    x = arrivals(scale=2.0)
    out, state = [], None
    for x_t in x:
        s, state = cell(x_t, state)
        out.append(s)
    same(mine(x * 0.2)[0], torch.stack(out), x)
