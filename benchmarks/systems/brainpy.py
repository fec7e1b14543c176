"""The recurrent cases in BrainPy: its exponential-Euler integrator and event-driven product in one compiled loop.

On a CPU that product needs Numba. State is in single precision, BrainPy's default.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory

__all__ = ["build"]


def build(case: Case, options: Mapping[str, Any]) -> _BrainPy:
    """The network, compiled by one run of full length, because the length is compiled in."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    import brainpy
    import brainpy.math as bm

    bm.set_platform("cpu")
    bm.set_dt(case.dt)
    return _BrainPy(brainpy, bm, case)


class _BrainPy:
    def __init__(self, bp: Any, bm: Any, case: Case) -> None:
        self.bm, self.case, self.p = bm, case, dict(case.parameters)
        self.version = bp.__version__
        with np.load(case.arrays) as file:
            arrays = {name: file[name] for name in file.files}
        n, self.split = case.neurons, int(arrays["excitatory"])
        self.synapses = len(arrays["target"])
        starts, target = arrays["row_start"].astype(np.int32), arrays["target"]
        self.halves = [
            (bm.asarray(target[starts[a] : starts[b]]), bm.asarray(starts[a : b + 1] - starts[a]), b - a)
            for a, b in ((0, self.split), (self.split, n))
        ]
        self.delay = round(self.p["delay"] / case.dt)
        self.held = round(self.p["refractory"] / case.dt)
        v = arrays.get("v", np.zeros(n))
        self.v = bm.Variable(bm.asarray(v, dtype=bm.float32))
        self.ge, self.gi = bm.Variable(bm.zeros(n)), bm.Variable(bm.zeros(n))
        self.left = bm.Variable(bm.zeros(n, dtype=bm.int32))
        self.past = bm.Variable(bm.zeros((self.delay, n), dtype=bool))
        self.count = bm.Variable(bm.zeros(n, dtype=bm.int32))
        self.state = (self.v, self.ge, self.gi, self.left, self.past, self.count)
        self.start = [variable.value for variable in self.state]
        derivative: Callable[..., Any] = getattr(self, f"_{case.kind}")
        self.membrane = bp.odeint(derivative, method="exp_auto", dt=case.dt)
        step = self._jumps if case.kind == "brunel" else self._synapses
        self.loop = bm.jit(lambda steps: bm.for_loop(step, steps))
        self.steps = bm.arange(case.steps)
        self._simulate()

    def run(self) -> Run:
        for variable, value in zip(self.state, self.start):  # noqa: B905  (BrainPy may run on an older Python)
            variable.value = value
        start = time.perf_counter()
        self._simulate()
        return Run(seconds=time.perf_counter() - start, spikes=int(np.asarray(self.count).sum()))

    def finish(self) -> dict[str, Any]:
        return {"memory": peak_memory()}

    def _simulate(self) -> None:
        np.asarray(self.loop(self.steps))  # waits for the result

    def _cuba(self, v: Any, t: Any, ge: Any, gi: Any) -> Any:
        return (ge + gi + self.p["v_rest"] - v) / self.p["tau_membrane"]

    def _coba(self, v: Any, t: Any, ge: Any, gi: Any) -> Any:
        p = self.p
        pull = ge * (p["reversal_excitatory"] - v) + gi * (p["reversal_inhibitory"] - v)
        return (p["v_rest"] - v + p["drive"] + pull) / p["tau_membrane"]

    def _brunel(self, v: Any, t: Any) -> Any:
        return -v / self.p["tau_membrane"]

    def _arrivals(self, k: Any) -> tuple[Any, Any]:
        """Weighted sums of the excitatory and inhibitory spikes that arrive in this step."""
        bm, n = self.bm, self.case.neurons
        spikes = self.past.value[k % self.delay]
        parts = (spikes[: self.split], spikes[self.split :])
        excitatory, inhibitory = (
            bm.as_jax(bm.event.csrmv(w, indices, starts, part, shape=(rows, n), transpose=True))
            for w, (indices, starts, rows), part in zip(  # noqa: B905
                (self.p["excitatory"], self.p["inhibitory"]), self.halves, parts
            )
        )
        return excitatory, inhibitory

    def _synapses(self, k: Any) -> Any:
        """Exponential currents or conductances: what arrives is seen in the next step."""
        excitatory, inhibitory = self._arrivals(k)
        ge, gi = self.ge.value, self.gi.value
        v = self.membrane(self.v.value, 0.0, ge, gi)
        self.ge.value = ge * np.exp(-self.case.dt / self.p["tau_excitatory"]) + excitatory
        self.gi.value = gi * np.exp(-self.case.dt / self.p["tau_inhibitory"]) + inhibitory
        return self._fire(k, v, False)

    def _jumps(self, k: Any) -> Any:
        """Jumps of the potential, tested in the step in which they arrive."""
        excitatory, inhibitory = self._arrivals(k)
        mean = self.p["noise_inputs"] * self.p["noise_rate"] * self.case.dt
        noise = self.bm.as_jax(self.bm.random.poisson(mean, self.case.neurons)) * self.p["noise_weight"]
        v = self.membrane(self.v.value, 0.0) + excitatory + inhibitory + noise
        return self._fire(k, v, True)

    def _fire(self, k: Any, v: Any, reached: bool) -> Any:
        bm, p, left = self.bm, self.p, self.left.value
        ready = left <= 0
        v = bm.as_jax(bm.where(ready, bm.as_jax(v), self.v.value))
        above = v >= p["threshold"] if reached else v > p["threshold"]
        spikes = above & ready
        self.v.value = bm.as_jax(bm.where(spikes, p["v_reset"], v))
        self.left.value = bm.as_jax(bm.where(spikes, self.held, bm.maximum(left - 1, 0)))
        self.past[k % self.delay] = spikes
        self.count.value = self.count.value + spikes
        return spikes.sum()
