"""Loads a network file with the genuine lava-dl and runs it; for the Python that `NEUROSIM_LAVA_PYTHON` names.

Usage: python run_in_lava.py JOB, a JSON object {"net", "input", "output", "options"}: ``input`` is an npz with ``x``
[*shape, T] (spikes, or messages, or for an input layer what its neurons get); ``output`` becomes an npz with the state
of each layer by step, [T, *shape], under names like ``l0_u``. What the loader raises becomes ``error``.
"""

import json
import sys

import numpy as np
from lava.lib.dl import netx
from lava.lib.dl.netx.blocks.models import AbstractPyBlockModel
from lava.lib.dl.netx.blocks.process import Input, RecurrentDense
from lava.magma.core.decorator import implements
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import RunConfig
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc import io
from lava.proc.monitor.process import Monitor
from lava.proc.sdn.process import Delta

STATES = ("u", "v", "sigma", "act", "residue", "real", "imag")


@implements(proc=RecurrentDense, protocol=LoihiProtocol)
class PyRecurrentDenseModel(AbstractPyBlockModel):
    """lava-dl 0.6 has the block, but forgot to say how it runs."""


class FixedPoint(RunConfig):
    """Bit-accurate models."""

    def __init__(self):
        super().__init__(custom_sync_domains=None)

    def select(self, process, models):
        """The one tagged fixed_pt, or the only one."""
        fixed = [m for m in models if "fixed_pt" in m.tags]
        return (fixed or models)[0]


def run(net_file, x, options):
    """The states of all layers, by name."""
    steps = x.shape[-1]
    shape = options.pop("input_shape", None)
    net = netx.hdf5.Network(net_config=net_file, input_shape=shape and tuple(shape), **options)
    first = net.layers[0]
    if isinstance(first, Input) and not isinstance(first.neuron, Delta):
        first.neuron.bias_mant.init = x[..., 0].astype(np.int32)
    else:
        source = io.source.RingBuffer(data=x.astype(np.int32))
        source.s_out.connect(first.neuron.a_in if isinstance(first, Input) else net.inp)
    probes = {}
    for k, layer in enumerate(net.layers):
        for name in (*STATES, "s"):
            variable = layer.neuron.s_out if name == "s" else getattr(layer.neuron, name, None)
            if variable is not None:
                probe = Monitor()
                probe.probe(variable, steps)
                probes[f"l{k}_{name}"] = probe
    sink = io.sink.RingBuffer(shape=net.out_layer.out.shape, buffer=steps)
    net.out_layer.out.connect(sink.a_in)
    net.run(condition=RunSteps(num_steps=steps), run_cfg=FixedPoint())
    found = {}
    for name, probe in probes.items():
        (values,) = probe.get_data().values()
        (found[name],) = values.values()
    found["out"] = sink.data.get()
    for k, layer in enumerate(net.layers):
        for name in (
            "sin_decay",
            "cos_decay",
        ):  # what the loader's detour over period and decay has made of them
            if hasattr(layer.neuron, name):
                found[f"l{k}_{name}"] = np.array(getattr(layer.neuron, name).init)
    net.stop()
    return found


def main():
    """One job."""
    job = json.loads(sys.argv[1])
    with np.load(job["input"]) as f:
        x = f["x"]
    try:
        found = run(job["net"], x, job["options"])
    except Exception as error:  # what the loader cannot load is a result too
        found = {"error": np.array(f"{type(error).__name__}: {error}")}
    np.savez(job["output"], **found)


if __name__ == "__main__":
    main()
