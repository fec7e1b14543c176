"""Triton kernels of neurons against plain PyTorch, in Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

os.environ.setdefault("TRITON_INTERPRET", "0" if torch.cuda.is_available() else "1")
pytest.importorskip("triton")

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.gpu.adaptive import adaptive as gpu_adaptive
from neurosim.nn.gpu.membrane import membrane as gpu_membrane
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule, MembraneState
from neurosim.nn.reference.adaptive import adaptive
from neurosim.nn.reference.membrane import membrane
from neurosim.nn.surrogate import Arctan, Boxcar, Sigmoid, SuperSpike, Triangle

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
T, B, N = 12, 2, 5


class Own:
    """A surrogate that no kernel knows."""

    def derivative(self, u):
        return torch.exp(-u.abs())


OPTIONS = [
    # subtract, exceeded, held_input, detach_reset, surrogate: every value of each at least once
    (False, False, RefractoryInput.DROP, True, Arctan()),
    (True, True, RefractoryInput.KEEP, False, Triangle()),
    (False, True, RefractoryInput.INTEGRATE, False, SuperSpike(beta=2.0)),
    (True, False, RefractoryInput.DROP, False, Sigmoid()),
    (False, False, RefractoryInput.DROP, False, Boxcar(width=1.5)),
    (True, False, RefractoryInput.DROP, True, Own()),
]


def run(op, state_type, rows, rule, surrogate, detach_reset, device):
    rng = np.random.default_rng(0)

    def tensor(values, grad=True):
        return torch.tensor(values, dtype=torch.float64, device=device).requires_grad_(grad)

    x, v, second = tensor(rng.normal(0.3, 0.5, (T, B, N))), tensor(rng.normal(0, 0.3, (B, N))), None
    second = tensor(rng.uniform(0, 0.3, (B, N)))
    table = tensor(np.stack([rng.uniform(low, high, N) for low, high in rows]))
    held = torch.tensor(rng.integers(0, 2, (B, N)), dtype=torch.int32, device=device)
    out, after = op(x, state_type(v, second, held), table, rule, surrogate, detach_reset=detach_reset)
    weights = [tensor(rng.normal(size=part.shape), grad=False) for part in (out, *after[:2])]
    loss = sum((part * w).sum() for part, w in zip((out, *after[:2]), weights, strict=True))
    return out, after, torch.autograd.grad(loss, (x, v, second, table))


def compare(kernel, plain, state_type, rows, rule, surrogate, detach_reset):
    out, after, grads = run(kernel, state_type, rows, rule, surrogate, detach_reset, DEVICE)
    wanted, last, wanted_grads = run(plain, state_type, rows, rule, surrogate, detach_reset, "cpu")
    if rule.spiking:
        assert 0.03 < wanted.mean() < 0.6
        assert torch.equal(out.cpu(), wanted)
    for mine, theirs in zip((out, *after, *grads), (wanted, *last, *wanted_grads), strict=True):
        torch.testing.assert_close(mine.cpu(), theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("subtract", "exceeded", "held_input", "detach_reset", "surrogate"), OPTIONS)
def test_membranes_are_those_of_the_reference(subtract, exceeded, held_input, detach_reset, surrogate):
    rows = [
        (0.5, 1),
        (-0.2, 0.2),
        (0, 0.1),
        (0.8, 1.2),
        (-1, -0.8) if subtract else (0, 0.3),
        (0.2, 0.7),
        (0.5, 1),
    ]
    rule = MembraneRule(
        refractory=np.arange(N, dtype=np.int32) % 3, subtract=subtract, exceeded=exceeded, held_input=held_input,
        synaptic=True,
    )  # fmt: skip
    compare(gpu_membrane, membrane, MembraneState, rows, rule, surrogate, detach_reset)


def test_readouts_are_those_of_the_reference():
    rows = [(0.5, 1), (-0.2, 0.2), (0, 0.1), (1e9, 1e9), (0, 0.3), (0.2, 0.7), (0.5, 1)]
    rule = MembraneRule(refractory=np.zeros(N, np.int32), spiking=False, synaptic=True)

    def without_held(op):
        def call(x, state, *args, **options):
            out, after = op(x, state._replace(held=None), *args, **options)
            return out, after[:2]

        return call

    compare(without_held(gpu_membrane), without_held(membrane), MembraneState, rows, rule, Arctan(), True)


@pytest.mark.parametrize(("subtract", "exceeded", "held_input", "detach_reset", "surrogate"), OPTIONS)
def test_adaptive_thresholds_are_those_of_the_reference(
    subtract, exceeded, held_input, detach_reset, surrogate
):
    rows = [(0.5, 1), (-0.2, 0.2), (0, 0.1), (0.6, 0.9), (0, 0.3), (0.6, 0.9), (0.1, 0.4)]
    rule = MembraneRule(
        refractory=np.arange(N, dtype=np.int32) % 3,
        subtract=subtract,
        exceeded=exceeded,
        held_input=held_input,
    )
    compare(gpu_adaptive, adaptive, AdaptiveState, rows, rule, surrogate, detach_reset)
