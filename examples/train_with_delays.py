"""A task that only delays can solve: two channels spike 5 or 10 steps apart, in either order, and the gap is the class.

The output neurons forget within a step, so a weight alone cannot see the gap; the delays learn to bring both spikes
together for the right class.
"""

import numpy as np

import neurosim as ns
from neurosim import nn

DT = 1e-3
GAPS = (-10, -5, 5, 10)


def task(samples: int, seed: int) -> tuple[ns.Spikes, np.ndarray]:
    """Two spikes a sample; the second channel lags the first by one of `GAPS`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(GAPS), samples)
    first = rng.integers(12, 18, samples)
    x = np.zeros((45, samples, 2), np.int32)
    x[first, np.arange(samples), 0] = 1
    x[first + np.array(GAPS)[labels], np.arange(samples), 1] = 1
    return ns.Spikes.from_dense(x, dt=DT), labels


def main() -> float:
    neurons = ns.LIF(tau_membrane=1e-3, threshold=1.0)
    module = nn.Sequential(
        nn.DelayLinear(2, 24, max_delay_steps=14, seed=1),
        nn.LIF(neurons, 24, dt=DT),
        nn.Linear(24, 4, seed=2),
        nn.LIF(neurons, 4, dt=DT),
    )
    x, y = task(400, seed=0)
    nn.fit(module, x, y, epochs=40, rate=2e-2, delay_rate=0.3, round_delays_after=30)

    net, losses = nn.to_network(module)  # the same network, for the engine and for hardware
    x, y = task(400, seed=1)
    counts = ns.simulate(net, {"input": x})["output"].spikes.counts()
    accuracy = float((counts.argmax(axis=1) == y).mean())
    print(f"accuracy {accuracy:.3f} on 400 new samples (chance 0.25); {losses}")
    return accuracy


if __name__ == "__main__":
    main()
