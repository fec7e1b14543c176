"""What a Loihi-style chip would do with a recurrent network: what fits, what rounding costs, where it first shows.

The network is compiled for Loihi 1 and for a smaller chip of one's own, described in ten lines. The report runs the
float engine and the emulated chip beside each other; then the build is saved and emulated from its files alone.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.loihi.report import plot_cores, plot_divergence, plot_own_effects

STEPS = 200
SMALL_CHIP = """
[chip]
base = "loihi1"
name = "small"
label = "a small chip"

[limits]
cores = { value = 16, source = "made up" }
compartments = { value = 64, source = "made up" }
synapse_bits = { value = 131072, source = "made up: 16 KiB" }
"""


def network() -> ns.Network:
    """400 excitatory and 100 inhibitory neurons, connected at random, that 60 channels drive."""
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", 60)
    neurons = ns.CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3, refractory=2e-3)
    for name, size in (("E", 400), ("I", 100)):
        net.output(net.population(name, size, neurons))
    for name in ("E", "I"):
        net.connect("in", name, ns.FixedProbability(0.2), weight=ns.Normal(0.25, 0.05), delay=1e-3)
        net.connect("E", name, ns.FixedProbability(0.05), weight=0.05, delay=ns.Uniform(1e-3, 6e-3))
        net.connect("I", name, ns.FixedProbability(0.1), weight=-0.15, delay=1e-3)
    return net


def main() -> tuple[dict[str, int], dict[str, int]]:
    noise = np.random.default_rng(0).random((STEPS, 2, 60)) < 0.05
    net, inputs = network(), {"in": ns.Spikes.from_dense(noise, dt=1e-3)}

    Path("small.toml").write_text(SMALL_CHIP)
    small = hardware.compile(net, hardware.Loihi1(chip_file="small.toml")).analyse()
    for limit in small.headroom:
        print(f"{limit.limit:22} {limit.used:8,} of {limit.most:8,}  {limit.where}")

    build = hardware.compile(net, hardware.Loihi1())
    report = build.analyse(inputs=inputs)
    print(f"\n{len(report.cores)} cores of {report.chip}, {len(small.cores)} of {small.chip}")
    for e in report.effects:
        print(
            f"{e.population}: {e.chip_spikes} spikes, {e.float_spikes} in float, {e.cells:.1%} of them moved or lost"
        )
    if report.divergence is not None:
        d = report.divergence
        print(f"they part at neuron {d.neuron} of {d.population} in step {d.step}; cause: {d.cause}")
    if report.energy is not None and report.latency is not None:
        energy, step = report.energy, report.latency
        print(
            f"at least {energy.total * 1e9:.0f} nJ and {step.mean * 1e6:.2f} us a step, by published constants"
        )

    build.save("on_loihi")
    run = hardware.load("on_loihi").emulate(inputs)

    figure, axes = plt.subplots(1, 3, figsize=(16, 4), layout="constrained")
    plot_cores(small, ax=axes[0])
    plot_own_effects(report, ax=axes[1])
    if report.divergence is not None:
        plot_divergence(report, ax=axes[2])
    figure.savefig("loihi.png")
    reported = {e.population: e.chip_spikes for e in report.effects}
    return reported, {name: len(run[name].spikes) for name in reported}


if __name__ == "__main__":
    main()
