"""Take a network trained in SpikingJelly to SpiNNaker, and run the emitted files. Needs the extra ``interop``."""

import tempfile

import numpy as np
import torch
from spikingjelly.activation_based import layer, neuron

import neurosim as ns
from neurosim import hardware
from neurosim.interchange.spikingjelly import from_spikingjelly


def main() -> float:
    torch.manual_seed(0)
    trained = torch.nn.Sequential(  # stands for your trained module
        layer.Conv2d(2, 4, 3, bias=False),
        neuron.LIFNode(tau=2.0, v_threshold=0.5),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(4 * 3 * 3, 10, bias=False),
        neuron.LIFNode(tau=2.0, v_threshold=0.3),
    )
    for part in (trained[0], trained[4]):
        part.weight.data *= 3

    net, report = from_spikingjelly(trained, (2, 8, 8))
    print(report)
    x = np.random.default_rng(0).random((200, 4, 2, 8, 8)) < 0.2
    build = hardware.compile(net, hardware.SpiNNaker())
    with tempfile.TemporaryDirectory() as folder:
        build.save(f"{folder}/spinnaker")
        emulated = hardware.load(f"{folder}/spinnaker").emulate({"input": x})
    expected = ns.simulate(net, {"input": x})
    (name,) = net.outputs
    counts, on_chip = expected[name].spikes.counts(), emulated[name].spikes.counts()
    agreement = float(np.corrcoef(counts.ravel(), on_chip.ravel())[0, 1])
    print(build.report())
    print(
        f"output spikes: {counts.sum()} in float, {on_chip.sum()} on the machine, correlation {agreement:.3f}"
    )
    return agreement


if __name__ == "__main__":
    main()
