"""A recurrent core in the emulator of nengo-loihi, which needs an old NumPy and so an environment of its own.

The block is given the integers that its own discretisation would make of float numbers: nothing is rounded again.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory
from benchmarks.systems.raster import raster_digest

__all__ = ["build"]


def build(case: Case, options: Mapping[str, Any]) -> _Nengo:
    """The model; an emulator is made of it before every run, outside the measured time."""
    return _Nengo(case)


class _Nengo:
    def __init__(self, case: Case) -> None:
        import nengo_loihi
        from nengo_loihi.emulator import EmulatorInterface

        warnings.simplefilter("ignore")  # overflows warn
        self.version, self.case = nengo_loihi.__version__, case
        with np.load(case.arrays) as file:
            arrays = {name: file[name] for name in file.files}
        self.synapses = len(arrays["target"])
        self.fan_out = np.diff(arrays["row_start"])
        self.model = _model(arrays)
        self.make = EmulatorInterface
        self.work = 0
        self._run(2)

    def _run(self, steps: int) -> tuple[float, Any]:
        emulator = self.make(self.model, seed=1)
        start = time.perf_counter()
        emulator.run_steps(steps)
        return time.perf_counter() - start, emulator.compartment.spike_count.copy()

    def run(self) -> Run:
        seconds, counts = self._run(self.case.steps)
        self.work = int(counts @ self.fan_out)
        return Run(seconds=seconds, spikes=int(counts.sum()))

    def finish(self) -> dict[str, Any]:
        memory = peak_memory()
        emulator = self.make(self.model, seed=1)
        raster = np.zeros((self.case.steps, self.case.neurons), bool)
        for fired in raster:  # once more, looking at every step
            emulator.step()
            fired[:] = emulator.compartment.spiked
        digest = raster_digest(*np.nonzero(raster), self.case.neurons)
        return {"memory": memory, "work": self.work, "digest": digest, "note": f"NumPy {np.__version__}"}


def _model(arrays: Mapping[str, Any]) -> Any:
    from nengo_loihi.block import Axon, LoihiBlock, Synapse
    from nengo_loihi.builder import Model

    n = len(arrays["du"])
    model, block, synapse = Model(dt=0.001), LoihiBlock(n), Synapse(n)
    c = block.compartment
    for name, value in (
        ("decay_u", arrays["du"]),
        ("decay_v", arrays["dv"]),
        ("vth", arrays["threshold"] << 6),
        ("bias", arrays["bias_mantissa"] << arrays["bias_exponent"]),
        ("refract_delay", np.ones(n)),
    ):
        setattr(c, name, value.astype(np.int32))
    c.vmin, c.vmax = 1 - 2**23, 2**23 - 1
    c.scale_u = c.scale_v = False
    start = arrays["row_start"][1:-1]
    synapse._set_weights_indices(
        np.split(arrays["weight"].astype(np.int32) << 6, start),
        indices=np.split(arrays["target"].astype(np.int32), start),
        weight_dtype=np.int32,
        compression=3,
    )
    block.add_synapse(synapse)
    axon = Axon(n)
    axon.target = synapse
    axon.set_compartment_axon_map(np.arange(n))
    block.add_axon(axon)
    model.add_block(block)
    return model
