"""A balanced network of excitatory and inhibitory neurons under Poisson noise: here, in NEST and in Brian2.

The network of Brunel (J. Comput. Neurosci. 8, 2000) in small. Simulators that are not installed are left out.
NEST draws the noise itself, so its spikes are others and its rate differs by some per cent in so short a run.
"""

import time

import neurosim as ns
from neurosim.errors import MissingExtraError

DURATION = 0.5


def network() -> ns.Network:
    net = ns.Network(dt=0.5e-3, seed=0)  # seconds; potentials in mV
    neurons = ns.LIF(tau_membrane=20e-3, threshold=20.0, v_reset=10.0, refractory=2e-3)
    noise = ns.PoissonDrive(rate=2500.0, weight=0.5)  # a little more than brings a neuron to its threshold
    for name, size in (("excitatory", 400), ("inhibitory", 100)):
        net.output(net.population(name, size, neurons))
        net.drive(name, noise)
    for pre, weight, partners in (("excitatory", 0.5, 80), ("inhibitory", -2.5, 20)):
        for post in net.populations:
            net.connect(pre, post, ns.FixedInDegree(partners), weight=weight, delay=1.5e-3)
    return net


def main() -> dict[str, float]:
    net, rates = network(), {}
    for engine in ("neurosim", "nest", "brian2"):
        start = time.perf_counter()
        try:
            recording = ns.simulate(net, duration=DURATION, seed=1, threads=1, backend=engine)
        except MissingExtraError as missing:
            print(f"{engine}: left out, {missing}")
            continue
        seconds = time.perf_counter() - start
        rates[engine] = float(recording["excitatory"].spikes.counts().mean()) / DURATION
        print(f"{engine:8s} {rates[engine]:5.1f} spikes/s a neuron; {seconds:.2f} s with all preparation")
    return rates


if __name__ == "__main__":
    main()
