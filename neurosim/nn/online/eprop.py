"""e-prop: eligibility traces of synapses, and learning signals that reach the hidden neurons directly."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim import neurons, random
from neurosim.errors import UnsupportedError
from neurosim.nn.cpu.eprop import accumulate
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.neurons.lif import LeakyIntegrator
from neurosim.nn.neurons.recurrent import Recurrent
from neurosim.nn.online.filter import Filter, Filtered
from neurosim.nn.ops.threads import for_range
from neurosim.nn.sequential import Sequential
from neurosim.nn.state import detached
from neurosim.nn.synapses.linear import Linear

__all__ = ["EProp", "EPropState", "Feedback"]

MODELS = (neurons.LIF, neurons.IntegrateAndFire, neurons.CurrentLIF, neurons.AdaptiveLIF)


class Feedback(Enum):
    """The weights over which errors of the readout reach the hidden neurons."""

    SYMMETRIC = "symmetric"
    """those of the readout itself"""
    RANDOM = "random"
    """drawn once and kept (feedback alignment)"""


class Eligibility(NamedTuple):
    """Of the synapses from one source: its inputs' traces, and ``[B, n_post, n_pre]`` the threshold's part and the
    eligibility as the readout's membrane holds it."""

    source: Filtered
    slow: Tensor
    filtered: Tensor


class EPropState(NamedTuple):
    """Between two steps: of hidden neurons and readout, the spikes, the surrogate derivatives of the step, and the
    eligibilities of input and recurrent synapses."""

    hidden: Any
    readout: Any
    spikes: Tensor
    pseudo: Tensor
    trace_out: Tensor
    synapses: tuple[Eligibility, ...]


class EProp:
    r"""Train one layer of recurrent (or feed-forward) neurons and a leaky readout, step by step.

    The eligibility of a synapse from i to j is what it contributed to the spike of j: with the trace q of its input
    through the membrane and the surrogate derivative psi, e = psi (q - s), where s <- c (s + jump e) is its part in an
    adaptive threshold. The readout's membrane remembers it with the decay kappa. With the error of the readout k,
    dE/dy_k, and feedback weights B::

        L_j[t] = sum over k of B_kj dE/dy_k[t]
        dE/dw_ji = sum over t of L_j[t] (e_ji filtered by kappa)[t]

    That is backpropagation through time without the paths from spike to spike, for a detached reset: exactly that
    gradient for `Feedback.SYMMETRIC`. Memory and time of a step: one number (with an adaptive threshold two) for every
    sample and synapse.

    Source: Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein and Maass, "A solution to the learning dilemma for
    recurrent networks of spiking neurons", Nature Communications 11, 3625 (2020).

    ::

        rule, state = EProp(module), None
        for x in spikes:                                   # [B, n]
            out, state = rule.step(x, state)
            rule.learn(torch.softmax(out, 1) - target, state)      # adds to the gradients
        optimiser.step()

    Args:
        module: ``Linear``, hidden neurons (LIF, integrate-and-fire, CurrentLIF or AdaptiveLIF, also in ``Recurrent``
            with a ``Linear``), ``Linear``, ``LeakyIntegrator``.
        feedback: how errors reach the hidden neurons.
        seed: draws random feedback, normal with variance 1 / hidden neurons.

    Raises:
        UnsupportedError: other layers; time constants of the membrane or synapse that differ within a layer; tensors on
            a GPU.
    """

    def __init__(self, module: Sequential, *, feedback: Feedback = Feedback.SYMMETRIC, seed: int = 0) -> None:
        self._inputs, self._neurons, self._readout, self._integrator = _parts(list(module.layers))
        self._filter = Filter.of(self._neurons, "hidden layer")
        self._keep = Filter.of(self._integrator, "readout").a
        self._adaptive = isinstance(self._neurons.model, neurons.AdaptiveLIF)
        self._feedback: Tensor | None = None
        if feedback is Feedback.RANDOM:
            shape = tuple(self._readout.weight.shape)
            drawn = random.normal(random.key(seed, "feedback", *shape), np.arange(shape[0] * shape[1]))
            scaled = drawn.reshape(shape) / np.sqrt(shape[1])
            self._feedback = torch.from_numpy(scaled).to(self._readout.weight.dtype)

    @torch.no_grad()
    def step(self, x: Tensor, state: EPropState | None = None) -> tuple[Tensor, EPropState]:
        """The readout's potentials ``[B, n_out]`` in one step with the inputs ``x [B, n_in]``."""
        if x.device.type != "cpu":
            raise UnsupportedError(
                "e-prop runs on the CPU", where="EProp", value=str(x.device), remedy="Convert with .cpu()"
            )
        if state is None:
            state = self._start(x)
        sources = [x, state.spikes][: len(self._inputs)]
        arrivals = torch.stack(
            [s @ layer.effective_weight().T for s, layer in zip(sources, self._inputs, strict=True)]
        ).sum(0)
        with torch.enable_grad():
            leaf = arrivals[None].requires_grad_()
            out, hidden = self._neurons(leaf, state.hidden)
            (pseudo,) = torch.autograd.grad(out.sum(), leaf)
        spikes = out[0].detach()
        y, readout = self._integrator((spikes @ self._readout.effective_weight().T)[None], state.readout)
        synapses = tuple(
            s._replace(source=self._filter.step(source, s.source))
            for s, source in zip(state.synapses, sources, strict=True)
        )
        trace_out = self._keep * state.trace_out + spikes
        return y[0], EPropState(detached(hidden), readout, spikes, pseudo[0], trace_out, synapses)

    @torch.no_grad()
    def learn(self, error: Tensor, state: EPropState) -> None:
        """Add to the parameters' gradients what the errors dE/dy ``[B, n_out]`` of this step teach.

        Call it once after every `step`, with an error of zero where there is no target: it also carries the
        eligibilities on, in place.
        """
        feedback = self._readout.weight if self._feedback is None else self._feedback
        signal = (error @ feedback).contiguous().numpy()
        for layer, synapses in zip(self._inputs, state.synapses, strict=True):
            grad = torch.zeros_like(layer.weight)
            theta = self._threshold(grad.numpy().dtype)
            for_range(
                accumulate, len(grad), state.pseudo.contiguous().numpy(), synapses.source.membrane.numpy(), signal,
                grad.numpy().dtype.type(self._keep), *theta, self._adaptive, synapses.slow.numpy(),
                synapses.filtered.numpy(), grad.numpy(),
            )  # fmt: skip
            _add(layer.weight, grad)
        _add(self._readout.weight, error.T @ state.trace_out)

    def _threshold(self, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        table = self._neurons.model.coefficients(self._neurons.dt)
        size = self._neurons.size
        decay, jump = (
            np.broadcast_to(np.ravel(table.get(name, 0.0)), size).astype(dtype)
            for name in ("decay_theta", "threshold_jump")
        )
        return decay, jump

    def _start(self, x: Tensor) -> EPropState:
        samples, size = len(x), self._neurons.size
        none = x.new_zeros(samples, size)
        synapses = []
        for source in [x, none][: len(self._inputs)]:
            shape = (samples, size, source.shape[1])
            slow = x.new_zeros(shape if self._adaptive else (0, 0, 0))
            synapses.append(Eligibility(Filtered.of(source), slow, x.new_zeros(shape)))
        return EPropState(None, None, none, none, none, tuple(synapses))


def _parts(layers: list[Any]) -> tuple[list[Linear], Neurons, Linear, LeakyIntegrator]:
    """Input (and recurrent) synapses, hidden neurons, the readout's synapses, the readout."""
    if len(layers) == 4:
        first, hidden, last, readout = layers
        inputs = [first]
        if isinstance(hidden, Recurrent):
            inputs.append(hidden.synapses)
            hidden = hidden.neurons
        fits = all(type(synapses) is Linear for synapses in [*inputs, last])
        if fits and type(hidden.model) in MODELS and isinstance(readout, LeakyIntegrator):
            return inputs, hidden, last, readout
    raise UnsupportedError(
        "e-prop trains Linear, neurons, Linear, LeakyIntegrator", where="EProp",
        value=", ".join(type(layer).__name__ for layer in layers),
        remedy="Use OTTT for deeper networks, or train through time",
    )  # fmt: skip


def _add(parameter: Tensor, grad: Tensor) -> None:
    parameter.grad = grad if parameter.grad is None else parameter.grad + grad
