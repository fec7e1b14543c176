"""What a SpiNNaker board would do with a recurrent network: learnt before queueing for one.

The network is compiled, the report says what fits where and what may saturate, the build is saved, and the board is
emulated from the saved files alone. Calibrated with quiet input, weights are finer than they would safely be; input
that is louder then overfills ring buffers, which the report predicts from a float simulation.
"""

import matplotlib.pyplot as plt
import numpy as np

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.spinnaker.report import plot_link_load, plot_placement

STEPS = 200


def network() -> ns.Network:
    """800 excitatory and 200 inhibitory neurons, connected at random, that 100 sources drive."""
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", 100)
    neurons = ns.CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3, refractory=2e-3)
    for name, size in (("E", 800), ("I", 200)):
        net.output(net.population(name, size, neurons))
    for name in ("E", "I"):
        net.connect("in", name, ns.FixedProbability(0.2), weight=ns.Normal(0.1, 0.02), delay=1e-3)
        net.connect("E", name, ns.FixedProbability(0.05), weight=0.02, delay=ns.Uniform(1e-3, 16e-3))
        net.connect("I", name, ns.FixedProbability(0.1), weight=-0.1, delay=1e-3)
    return net


def noise(rate: float, seed: int) -> dict[str, ns.Spikes]:
    """Spikes of the sources, ``rate`` a second each."""
    rng = np.random.default_rng(seed)
    return {"in": ns.Spikes.from_dense(rng.random((STEPS, 1, 100)) < rate * 1e-3, dt=1e-3)}


def main() -> tuple[int, int]:
    net, quiet, loud = network(), noise(10.0, seed=0), noise(120.0, seed=1)
    build = hardware.compile(net, hardware.SpiNNaker(atoms_per_core=16), calibration=quiet)

    floats = ns.simulate(net, loud, record={name: ns.Record("spikes") for name in ("E", "I")})
    spikes = {**loud, **{name: floats[name].spikes for name in ("E", "I")}}
    report = build.analyse(spikes=spikes)
    for limit in report.headroom:
        print(f"{limit.limit:28} {limit.used:12,.0f} of {limit.most:12,.0f}  {limit.where}")
    for cell in report.cells:
        if cell.neurons:
            kind = ("excitatory", "inhibitory")[cell.receptor]
            print(
                f"{cell.population}: {cell.neurons} {kind} cells can saturate, from {cell.fewest} spikes at once"
            )
    predicted = sum(s.cells for s in report.sampled)

    build.save("on_spinnaker")
    device = hardware.load("on_spinnaker")
    run = device.emulate(loud, overflow=hardware.Overflow.AS_CHIP)
    cells = {(e.population, e.neuron, e.step) for e in run.events if e.kind == "saturation"}
    rates = {n: f"{run[n].spikes.counts().mean() / (STEPS * 1e-3):.1f}" for n in ("E", "I")}
    print(f"spikes a second {rates}; saturated cells: {predicted} predicted, {len(cells)} emulated")

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
    plot_placement(report, ax=left)
    plot_link_load(build.analyse(spikes={**loud, **{n: run[n].spikes for n in ("E", "I")}}), ax=right)
    figure.savefig("chips.png")
    return predicted, len(cells)


if __name__ == "__main__":
    main()
