"""The liquid as a dense batch in PyTorch, all samples at once: plain tensors, or the neurons of a PyTorch library.

``dense`` and ``sparse`` multiply spikes with a dense or a compressed weight matrix; ``snntorch``, ``spikingjelly``
and ``norse`` use the neuron of that library and a dense matrix. All compute v <- b v + c i, i <- a i + arrivals
with the exact factors of one step; with a library's update order the weights carry the factor c.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory

__all__ = ["build"]


def build(case: Case, options: Mapping[str, Any]) -> _Torch:
    """The batch with ``options["implementation"]``."""
    import torch

    torch.set_num_threads(options["threads"])
    return _Torch(torch, case, options["implementation"])


class _Torch:
    def __init__(self, torch: Any, case: Case, implementation: str) -> None:
        self.torch, self.case = torch, case
        self.version = torch.__version__
        with np.load(case.arrays) as file:
            a = {name: file[name] for name in file.files}
        p = case.parameters
        self.threshold = float(p["threshold"])
        self.synapses = len(a["target"])
        self.i_decay = math.exp(-case.dt / p["tau_synapse"])
        self.v_decay = math.exp(-case.dt / p["tau_membrane"])
        ratio = p["tau_synapse"] / (p["tau_synapse"] - p["tau_membrane"])
        self.gain = ratio * (self.i_decay - self.v_decay)
        self.weight = torch.from_numpy(_dense(a, "", case.neurons))
        self.input_weight = torch.from_numpy(_dense(a, "input_", case.neurons))
        dense = np.zeros((case.steps, case.samples, p["channels"]), np.float32)
        dense[a["step"], a["sample"], a["channel"]] = 1.0
        self.inputs = torch.from_numpy(dense)
        self.step: Callable[..., Any] = getattr(self, f"_{implementation}")()
        with torch.no_grad():
            self._simulate(min(5, case.steps))

    def run(self) -> Run:
        with self.torch.no_grad():
            start = time.perf_counter()
            spikes = self._simulate(self.case.steps)
            seconds = time.perf_counter() - start
        return Run(seconds=seconds, spikes=int(spikes.sum(dtype=self.torch.float64)))

    def finish(self) -> dict[str, Any]:
        return {"memory": peak_memory()}

    def _simulate(self, steps: int) -> Any:
        """Spikes of every neuron, [samples, neurons]. Input is weighted for all steps at once, as it is known."""
        torch, case = self.torch, self.case
        zeros = torch.zeros(case.samples, case.neurons)
        flat = self.inputs[:steps].reshape(steps * case.samples, -1)
        outer = (flat @ self.input_weight).reshape(steps, case.samples, case.neurons)
        state, count, arriving = self.start(zeros), zeros.clone(), zeros
        for k in range(steps):
            spikes, state = self.step(arriving, state)
            count += spikes
            arriving = self.deliver(outer[k], spikes)
        return count

    def start(self, zeros: Any) -> Any:
        """State before the first step."""
        return zeros.clone(), zeros.clone()

    def deliver(self, outer: Any, spikes: Any) -> Any:
        """What arrives in the next step."""
        return self.torch.addmm(outer, spikes, self.weight)

    def _scale(self, factor: float) -> None:
        self.weight, self.input_weight = self.weight * factor, self.input_weight * factor

    def _plain(self, arriving: Any, state: Any) -> Any:
        v, j = state
        j.mul_(self.i_decay).add_(arriving)
        v.mul_(self.v_decay).add_(j)
        spikes = (v > self.threshold).float()
        v.mul_(1.0 - spikes)
        return spikes, state

    def _dense(self) -> Callable[..., Any]:
        self._scale(self.gain)
        return self._plain

    def _sparse(self) -> Callable[..., Any]:
        self._scale(self.gain)
        rows = self.weight.t().contiguous().to_sparse_csr()
        self.deliver = lambda outer, spikes: (rows @ spikes.t()).t() + outer  # type: ignore[method-assign]
        return self._plain

    def _snntorch(self) -> Callable[..., Any]:
        import snntorch

        self.version = snntorch.__version__
        self._scale(self.gain)
        neuron = snntorch.Synaptic(
            alpha=self.i_decay,
            beta=self.v_decay,
            threshold=self.threshold,
            reset_mechanism="zero",
            reset_delay=False,
        )

        def step(arriving: Any, state: Any) -> Any:
            spikes, current, v = neuron(arriving, *state)
            return spikes, (current, v)

        return step

    def _spikingjelly(self) -> Callable[..., Any]:
        from spikingjelly.activation_based import functional, neuron

        self.version = metadata.version("spikingjelly")
        self._scale(self.gain)
        cells = neuron.CUBALIFNode(
            c_decay=self.i_decay, v_decay=self.v_decay, v_threshold=self.threshold, v_reset=0.0
        )

        def start(zeros: Any) -> None:
            functional.reset_net(cells)

        self.start = start  # type: ignore[method-assign]
        return lambda arriving, state: (cells(arriving), state)

    def _norse(self) -> Callable[..., Any]:
        """Norse integrates v with the factor (1 - b), and with the current before this step's input is added."""
        from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step

        self.version = metadata.version("norse")
        self._scale(self.gain / (1.0 - self.v_decay))
        tensor = self.torch.tensor
        parameters = LIFParameters(
            tau_syn_inv=tensor((1.0 - self.i_decay) / self.case.dt),
            tau_mem_inv=tensor((1.0 - self.v_decay) / self.case.dt),
            v_th=tensor(self.threshold),
            v_reset=tensor(0.0),
            v_leak=tensor(0.0),
            method="super",
        )
        silent = self.torch.zeros(self.case.samples, self.case.neurons)
        self.start = lambda zeros: LIFFeedForwardState(v=zeros, i=zeros)  # type: ignore[method-assign]

        def step(arriving: Any, state: Any) -> Any:
            ready = LIFFeedForwardState(v=state.v, i=state.i + arriving)
            return lif_feed_forward_step(silent, ready, parameters, dt=self.case.dt)

        return step


def _dense(a: Mapping[str, Any], prefix: str, neurons: int) -> Any:
    """A weight matrix [pre, post] from rows."""
    row_start = a[f"{prefix}row_start"]
    weight = np.zeros((len(row_start) - 1, neurons), np.float32)
    pre = np.repeat(np.arange(len(row_start) - 1), np.diff(row_start))
    weight[pre, a[f"{prefix}target"]] = a[f"{prefix}weight"]
    return weight
