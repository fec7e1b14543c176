"""One training step in PyTorch, the same for every network, timed in parts: forward with the loss, backward, optimiser.

Every step starts from the same weights and delays, so all repeats do the same work. The input is given as a dense
tensor, laid out as the network likes it; the loss is the cross-entropy of the output's spike counts.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory

__all__ = ["Layers", "StepRunner", "dense_input", "load"]

RATE, DELAY_RATE = 1e-3, 0.1
"""Adam's, of weights and of delays in steps."""
STEPS, SECONDS = 5, 1.0
"""A repeat is the median of this many steps, fewer if they take longer than this."""


class Layers:
    """What a network has to offer. A subclass makes its parameters from the arrays of the case.

    Attributes:
        version: of the system.
        weights, delays: parameters, one a projection.
        differs: what is known to be other work than in ours, or nothing.
        note: what else should be known.
    """

    version = ""
    differs = ""
    note = ""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        self.torch, self.case = torch, case
        self.weights: list[Any] = []
        self.delays: list[Any] = []

    def layout(self, x: Any) -> Any:
        """The input ``[T, B, n]`` as the network likes it in memory."""
        return x

    def forward(self, x: Any) -> Any:
        """Spike counts of the output ``[B, classes]``."""
        raise NotImplementedError

    def spikes(self, x: Any) -> Sequence[Any]:
        """Numbers of spikes of every layer, as tensors of one number; not timed."""
        raise NotImplementedError

    def constrain(self) -> None:
        """Put delays back into their range."""


class StepRunner:
    """Times the steps of a network (see `Layers`)."""

    def __init__(self, torch: Any, case: Case, net: Layers, arrays: dict[str, Any]) -> None:
        self.torch, self.case, self.net = torch, case, net
        self.version = net.version
        self.parameters = [*net.weights, *net.delays]
        self.synapses = sum(w.numel() for w in net.weights)
        self.device = torch.device(case.parameters["device"])
        self.input_spikes = len(arrays["step"])
        x = dense_input(torch, case, arrays).to(self.device)
        self.labels = torch.from_numpy(arrays["label"]).to(self.device)
        self.start = [p.detach().clone() for p in self.parameters]
        groups = [{"params": net.weights, "lr": RATE}, {"params": net.delays, "lr": DELAY_RATE}]
        self.optimiser = torch.optim.Adam([g for g in groups if g["params"]], fused=True)
        self.input = net.layout(x[:2].clone())
        self._step()  # two time steps: loads or compiles what is needed
        self._restore()
        self.optimiser.state.clear()
        self.input = net.layout(x)
        self.growth: int | None = None

    def run(self) -> Run:
        """Several steps; their median. The very first tells the memory that a step takes, and is not timed."""
        if self.growth is None:
            gc.collect()
            before = self._memory(reset=True)
            self._step()
            self.growth = self._memory(peak=True) - before
        taken: list[tuple[float, ...]] = []
        while len(taken) < STEPS and sum(map(sum, taken)) < SECONDS:
            taken.append(self._step())
        whole = statistics.median(map(sum, taken))
        names = ("forward", "backward", "optimiser")
        parts = {name: statistics.median(t) for name, t in zip(names, zip(*taken, strict=True), strict=True)}
        return Run(seconds=whole, spikes=0, parts=parts)

    def finish(self) -> dict[str, Any]:
        """Fields of the row: memory, spikes and density of every layer, synaptic events of the forward pass."""
        found: dict[str, Any] = {"memory": peak_memory(), "growth": self.growth}
        self._restore()
        with self.torch.no_grad():
            fired = [round(float(s)) for s in self.net.spikes(self.input.detach())]
        sizes, p = self.case.parameters["sizes"], self.case
        cells = p.samples * p.steps
        spikes = [self.input_spikes, *fired]
        fan_out = [*sizes[1:], 0]
        if self.case.kind.endswith("recurrent"):
            fan_out[1:-1] = [a + b for a, b in zip(fan_out[1:-1], sizes[1:-1], strict=True)]
        found["layer_spikes"] = fired
        found["density"] = [s / (cells * n) for s, n in zip(spikes, sizes, strict=True)]
        found["spikes"] = sum(fired)
        found["work"] = float(sum(s * n for s, n in zip(spikes, fan_out, strict=True)))
        if self.net.differs:
            found["differs"] = self.net.differs
        if self.net.note:
            found["note"] = self.net.note
        return found

    def _step(self) -> tuple[float, ...]:
        """Seconds of forward, backward and optimiser of one step from the first weights."""
        self._restore()
        x = self.input.detach()  # a new tensor without anything that an earlier step has found out about it
        times = [self._now()]
        loss = self.torch.nn.functional.cross_entropy(self.net.forward(x), self.labels)
        times.append(self._now())
        loss.backward()
        times.append(self._now())
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.net.constrain()
        times.append(self._now())
        return tuple(float(b - a) for a, b in itertools.pairwise(times))

    def _restore(self) -> None:
        with self.torch.no_grad():
            for p, first in zip(self.parameters, self.start, strict=True):
                p.copy_(first)

    def _now(self) -> float:
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()
        return time.perf_counter()

    def _memory(self, *, reset: bool = False, peak: bool = False) -> int:
        """Bytes in use, of the GPU where that is what runs; ``reset``: a peak is counted from here."""
        if self.device.type == "cuda":
            cuda = self.torch.cuda
            if reset:
                cuda.reset_peak_memory_stats()
            return int(cuda.max_memory_allocated() if peak else cuda.memory_allocated())
        if reset:
            _forget_peak()
        return peak_memory() if peak else _resident()


def load(case: Case) -> dict[str, Any]:
    """The arrays of a case."""
    with np.load(case.arrays) as file:
        return {name: file[name] for name in file.files}


def dense_input(torch: Any, case: Case, arrays: dict[str, Any]) -> Any:
    """The spikes of the batch as float32 ``[T, B, n]``, contiguous."""
    x = np.zeros((case.steps, case.samples, case.parameters["sizes"][0]), np.float32)
    x[arrays["step"], arrays["sample"], arrays["channel"]] = 1.0
    return torch.from_numpy(x)


def _forget_peak() -> None:
    """Let the peak of resident memory start again from what is resident now, where Linux allows it."""
    with suppress(OSError):  # elsewhere the peak of building may hide that of running; it was two time steps
        Path("/proc/self/clear_refs").write_text("5")


def _resident() -> int:
    """Resident memory of this process in bytes; where nothing says it, the largest until now."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return peak_memory()
