"""Training steps of this project's layers, as a user calls them: `neurosim.nn.Sequential` and PyTorch's Adam.

The input is a dense tensor, as in the peers, so finding its spikes is part of the step. Networks with delays are
also run without them, in turn, for the ratio of the two.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import neurosim as ns
from benchmarks.bounds import dense_flops, event_flops, matrix_flops
from benchmarks.case import Case
from benchmarks.runner import Run
from benchmarks.systems.step import Layers, StepRunner, load

__all__ = ["build"]


def build(case: Case, options: Mapping[str, Any]) -> StepRunner:
    """The network, whose kernels are compiled."""
    import torch

    torch.set_num_threads(options["threads"])
    arrays = load(case)
    runner: StepRunner = _Ours(torch, case, _Net(torch, case, arrays), arrays)
    return runner


class _Net(Layers):
    """Synapses and LIF neurons in turn; parameters are those of the layers."""

    def __init__(self, torch: Any, case: Case, arrays: Mapping[str, Any]) -> None:
        from neurosim import nn

        super().__init__(torch, case, dict(arrays))
        self.version = ns.__version__
        p = case.parameters
        model = ns.LIF(tau_membrane=-case.dt / math.log(p["decay"]), threshold=p["threshold"])
        surrogate: Any = {"arctan": nn.Arctan(), "triangle": nn.Triangle()}[p["surrogate"]]
        layers: list[Any] = []
        forwards, backs = [], []
        for k, n in enumerate(p["sizes"][1:]):
            neurons: Any = nn.LIF(model, n, dt=case.dt, surrogate=surrogate)
            forwards.append(self._synapses(nn, arrays[f"weight{k}"], arrays.get(f"delay{k}")))
            if f"recurrent{k}" in arrays:
                back = arrays[f"recurrent{k}"], arrays.get(f"recurrent_delay{k}")
                backs.append(self._synapses(nn, *back, shortest=1))
                neurons = nn.Recurrent(neurons, backs[-1])
            layers += [forwards[-1], neurons]
        self.weights = [synapses.weight for synapses in forwards + backs]
        if p["delays"]:
            self.delays = [synapses.delay for synapses in forwards + backs]
        self.net = nn.Sequential(*layers).to(p["device"])

    def _synapses(self, nn: Any, weight: Any, delay: Any, shortest: int = 0) -> Any:
        n_post, n_pre = weight.shape
        if delay is None:
            layer = nn.Linear(n_pre, n_post)
        else:
            longest = self.case.parameters["delays"] - 1
            layer = nn.DelayLinear(n_pre, n_post, longest, minimum_delay=shortest)
        with self.torch.no_grad():
            layer.weight.copy_(self.torch.from_numpy(weight))
            if delay is not None:
                layer.delay.copy_(self.torch.from_numpy(delay))
        return layer

    def layout(self, x: Any) -> Any:
        """The steps of a sample lie together, as `neurosim.nn.batch_tensor` makes them."""
        return x.transpose(0, 1).contiguous().transpose(0, 1)

    def forward(self, x: Any) -> Any:
        return self.net(x)[0].sum(0)

    def spikes(self, x: Any) -> list[Any]:
        return [s.sum(dtype=self.torch.float64) for s in self.net.trace(x)[0]]

    def constrain(self) -> None:
        self.net.constrain_()


class _Ours(StepRunner):
    """With delays it takes turns with the same network without; both start from the same weights."""

    def __init__(self, torch: Any, case: Case, net: Layers, arrays: dict[str, Any]) -> None:
        super().__init__(torch, case, net, arrays)
        self.arrays = arrays
        self.plain: StepRunner | None = None
        self.plain_seconds: list[float] = []

    def run(self) -> Run:
        done = super().run()
        if self.case.parameters["delays"]:
            if self.plain is None:  # only now, so that the first repeat's memory is its own
                case = replace(self.case, parameters={**self.case.parameters, "delays": 0})
                arrays = {name: a for name, a in self.arrays.items() if "delay" not in name}
                self.plain = StepRunner(self.torch, case, _Net(self.torch, case, arrays), arrays)
            self.plain_seconds.append(self.plain.run().seconds)
        return done

    def finish(self) -> dict[str, Any]:
        found = super().finish()
        spikes = [self.input_spikes, *found["layer_spikes"]]
        needed = event_flops(self.case, spikes)
        if self.device.type == "cpu":
            rate = matrix_flops(self._multiply)
            found["dense_seconds"], found["least_seconds"] = dense_flops(self.case) / rate, needed / rate
        if self.plain is not None:
            alone = self.plain.finish()["layer_spikes"]
            found["without_delays_seconds"] = statistics.median(self.plain_seconds)
            found["without_delays_bound"] = needed / event_flops(self.plain.case, [self.input_spikes, *alone])
        return found

    def _multiply(self, a: Any, b: Any) -> Any:
        from neurosim.nn.ops.product import product

        return product(self.torch.from_numpy(a), self.torch.from_numpy(b))
