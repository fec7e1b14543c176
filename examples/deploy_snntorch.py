"""Take a network trained in snnTorch to a Loihi-style chip, and run the emitted files. Needs the extra ``interop``."""

import tempfile

import numpy as np
import snntorch as snn
import torch

import neurosim as ns
from neurosim import hardware
from neurosim.interchange.snntorch import from_snntorch


def main() -> float:
    torch.manual_seed(0)
    trained = torch.nn.Sequential(  # stands for your trained module
        torch.nn.Linear(40, 60, bias=False),
        snn.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False),
        torch.nn.Linear(60, 10, bias=False),
        snn.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False),
    )
    for layer in trained[::2]:
        layer.weight.data *= 3

    net, report = from_snntorch(trained, 40)
    print(report)
    x = np.random.default_rng(0).random((200, 4, 40)) < 0.1
    build = hardware.compile(net, hardware.Loihi2())
    with tempfile.TemporaryDirectory() as folder:
        build.save(f"{folder}/loihi")
        emulated = hardware.load(f"{folder}/loihi").emulate({"input": x})
    expected = ns.simulate(net, {"input": x})
    (name,) = net.outputs
    counts, on_chip = expected[name].spikes.counts(), emulated[name].spikes.counts()
    agreement = float(np.corrcoef(counts.ravel(), on_chip.ravel())[0, 1])
    print(build.report())
    print(f"output spikes: {counts.sum()} in float, {on_chip.sum()} on the chip, correlation {agreement:.3f}")
    return agreement


if __name__ == "__main__":
    main()
