"""A recurrent network with learned delays tells rising from falling chirps, on a chip with 4-bit weights.

A cochlea hears them; the network is trained, first in float, then on the grid of numbers that the chip holds, compiled,
and emulated from the emitted files.
"""

import numpy as np

import neurosim as ns
from neurosim import hardware, nn
from neurosim.datasets import Cochlea, Gammatone, to_spikes
from neurosim.hardware.loihi.training import Quantisation

DT, RATE = 5e-3, 8000


def chirps(samples: int, seed: int) -> tuple[ns.Spikes, np.ndarray]:
    """Quarter-second chirps through 200 to 700 Hz, the lowest from 300 to 1500 Hz, up (1) or down (0)."""
    rng = np.random.default_rng(seed)
    labels, t = rng.integers(0, 2, samples), np.arange(RATE // 4) / RATE
    low, width = rng.uniform(300, 1500, samples), rng.uniform(200, 700, samples)
    sounds = [
        np.sin(2 * np.pi * (f * t + w * t * (2 * t if up else 1 - 2 * t)))
        for f, w, up in zip(low, width, labels, strict=True)
    ]
    cochlea = Cochlea(membrane=Gammatone(channels=24, lowest=200.0, highest=2500.0))
    return to_spikes(cochlea.record_all(sounds, RATE), dt=DT), labels


def main() -> float:
    rules = Quantisation(hardware.Loihi1(weight_bits=4))
    lif = ns.LIF(tau_membrane=10e-3)
    delays = {"minimum_delay": rules.minimum_delay}
    module = nn.Sequential(
        nn.DelayLinear(24, 24, 10, seed=1, gain=0.5, **delays),
        nn.Recurrent(nn.LIF(lif, 24, dt=DT), nn.DelayLinear(24, 24, 10, seed=2, gain=0.2, **delays)),
        nn.Linear(24, 2, seed=3),
        nn.LIF(lif, 2, dt=DT),
    )
    sounds, labels = chirps(300, seed=0)
    nn.fit(module, sounds, labels, epochs=15, rate=5e-3)
    nn.quantise(module, rules)
    nn.fit(module, sounds, labels, epochs=5, rate=2e-3, round_delays_after=0)

    net, _ = nn.to_network(module, input_shape=sounds.shape)
    hardware.compile(net, rules.target).save("chirps_on_loihi")
    sounds, labels = chirps(300, seed=1)
    heard = hardware.load("chirps_on_loihi").emulate({"input": sounds})["output"].spikes.counts()
    accuracy = float((heard.argmax(axis=1) == labels).mean())
    in_training = nn.accuracy(module, sounds, labels)
    print(
        f"300 new chirps: accuracy {accuracy:.3f} on the chip, {in_training:.3f} of the module (chance 0.5)"
    )
    return accuracy


if __name__ == "__main__":
    main()
