"""What training on a device's grid is worth: accuracy of the float network, and of the device with and without it.

``python -m benchmarks.quantisation``: for every seed a network of events learns for two thirds of its epochs in float;
from there, for the last third, one copy goes on in float and one for every device on the device's grid, with the same
samples in the same order. Every network is compiled, with training samples for calibration, written, and emulated from
the files. Numbers are accuracies on held-out samples; differences are within the seeds, so paired.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CASES", "Case", "Result", "main", "measure"]


@dataclass(frozen=True)
class Case:
    """A device: ``rules()`` makes what `neurosim.nn.quantise` takes; noisy ones are averaged over ``devices``."""

    name: str
    rules: Callable[[], Any]
    devices: int = 1


def _loihi(bits: int = 8) -> Any:
    from neurosim.hardware import Loihi1
    from neurosim.hardware.loihi.training import Quantisation

    return Quantisation(Loihi1(weight_bits=bits))


def _spinnaker() -> Any:
    from neurosim.hardware.spinnaker.training import Quantisation

    return Quantisation()


def _crossbar(levels: int | None) -> Any:
    from neurosim.hardware import Crossbar
    from neurosim.hardware.crossbar.training import Quantisation

    return Quantisation(Crossbar(levels=levels))


CASES = (
    Case("loihi, 8 bits", _loihi),
    Case("loihi, 4 bits", lambda: _loihi(4)),
    Case("loihi, 2 bits", lambda: _loihi(2)),
    Case("spinnaker", _spinnaker),
    Case("crossbar", lambda: _crossbar(None), 5),
    Case("crossbar, 8 levels", lambda: _crossbar(8), 5),
)


@dataclass(frozen=True)
class Result:
    """One seed on one device, shares of right answers.

    Attributes:
        float_engine: the network that was trained in float, in the engine.
        device_before: the same network on the device.
        module_after: the network that was trained on the device's grid, in the engine.
        device_after: and on the device.
        spikes_apart: of that network, share of spikes that are the device's or the module's alone.
    """

    case: str
    seed: int
    float_engine: float
    device_before: float
    module_after: float
    device_after: float
    spikes_apart: float


def measure(
    task: Any, cases: Sequence[Case], seed: int, *, hidden: int, epochs: int, noise: float, say: Any
) -> list[Result]:
    """All cases for one seed."""
    from neurosim import neurons
    from neurosim.cli.demo.deployment import run_engine
    from neurosim.hardware.crossbar.training import DeviceNoise
    from neurosim.nn import LIF, DelayLinear, Linear, Schedule, Sequential, fit, quantise, to_network

    recipe, dt = task.recipe, task.train.dt
    own = DeviceNoise(factor=noise) if noise else None
    module = Sequential(
        DelayLinear(task.train.size, hidden, recipe.max_delay, minimum_delay=1, seed=seed, noise=own),
        LIF(neurons.LIF(tau_membrane=recipe.tau_hidden), hidden, dt=dt),
        Linear(hidden, task.classes, seed=seed + 1, noise=own),
        LIF(neurons.LIF(tau_membrane=recipe.tau_output), task.classes, dt=dt),
    )
    first = epochs * 2 // 3

    def train(part: Any, begin: int, end: int, order: int) -> None:
        fit(
            part,
            task.train,
            task.train_labels,
            epochs=end - begin,
            batch_size=recipe.batch_size,
            seed=order,
            rate=recipe.rate,
            delay_rate=recipe.delay_rate,
            schedule=lambda done: Schedule.COSINE((begin + done * (end - begin)) / epochs),
            round_delays_after=0 if begin else end - begin,
            progress=False,
        )

    def accuracy(run: Any) -> float:
        return float(np.mean(run.predicted == task.test_labels))

    train(module, 0, first, 2 * seed)
    plain = deepcopy(module)
    train(plain, first, epochs, 2 * seed + 1)
    net = to_network(plain, input_shape=task.train.shape)[0]
    engine = accuracy(run_engine(net, task.test))
    results = []
    for case in cases:
        rules = case.rules()
        tuned = quantise(deepcopy(module), rules)
        train(tuned, first, epochs, 2 * seed + 1)
        tuned_net = to_network(tuned, input_shape=task.train.shape)[0]
        before, _ = _deployed(net, rules, task, case.devices)
        after, apart = _deployed(tuned_net, rules, task, case.devices)
        on_grid = accuracy(run_engine(tuned_net, task.test))
        results.append(Result(case.name, seed, engine, before, on_grid, after, apart))
        say(results[-1])
    return results


def _deployed(net: Any, rules: Any, task: Any, devices: int) -> tuple[float, float]:
    """Accuracy on the device, from its files, and the share of spikes that engine and device do not have in common."""
    from neurosim import hardware
    from neurosim.cli.demo.classifier import decode
    from neurosim.engine.recording import Record
    from neurosim.engine.simulate import simulate
    from neurosim.hardware import Overflow

    record = {name: Record("spikes") for name in net.populations}
    with tempfile.TemporaryDirectory() as scratch:
        hardware.compile(net, rules.target, calibration={"input": task.calibration}).save(Path(scratch) / "b")
        device = hardware.load(Path(scratch) / "b")
    engine = simulate(net, {"input": task.test}, record=record)
    right, apart, count = [], 0, 0
    for seed in range(devices):
        found = device.emulate({"input": task.test}, record=record, seed=seed, overflow=Overflow.AS_CHIP)
        for name in record:
            ours, theirs = (_cells(r[name].spikes) for r in (engine, found))
            apart += len(np.setxor1d(ours, theirs, assume_unique=True))
            count += len(ours) + len(theirs)
        output = found["output"].spikes
        assert output is not None
        right.append(np.mean(decode(output) == task.test_labels))
    return float(np.mean(right)), apart / max(count, 1)


def _cells(spikes: Any) -> Any:
    return (spikes.sample.astype(np.int64) * spikes.steps + spikes.step) * spikes.size + spikes.neuron


def _interval(differences: Sequence[float]) -> tuple[float, float]:
    """Mean and half width of its 95 % interval (Student's t)."""
    from scipy import stats

    n = len(differences)
    if n < 2:
        return float(np.mean(differences)), math.nan
    half = stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / math.sqrt(n)
    return float(np.mean(differences)), float(half)


def _table(results: Sequence[Result]) -> str:
    lines = [
        f"{'device':<22} {'seeds':>5} {'float':>7} {'device':>8} {'loss':>15} {'trained':>8} {'device':>8} "
        f"{'loss':>15} {'gained':>15} {'spikes apart':>13}"
    ]
    for name in dict.fromkeys(r.case for r in results):
        mine = [r for r in results if r.case == name]
        of = {k: 100 * float(np.mean([getattr(r, k) for r in mine])) for k in asdict(mine[0]) if k[-1] != "e"}

        def shown(a: str, b: str, mine: list[Result] = mine) -> str:
            mean, half = _interval([100 * (getattr(r, a) - getattr(r, b)) for r in mine])
            return f"{mean:+.2f} +- {half:.2f}"

        lines.append(
            f"{name:<22} {len(mine):5d} {100 * np.mean([r.float_engine for r in mine]):7.2f} "
            f"{100 * np.mean([r.device_before for r in mine]):8.2f} {shown('float_engine', 'device_before'):>15} "
            f"{of['module_after']:8.2f} {of['device_after']:8.2f} {shown('float_engine', 'device_after'):>15} "
            f"{shown('device_after', 'device_before'):>15} {of['spikes_apart']:11.3f} %"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    from neurosim.cli.demo.tasks import load_task

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=("digits", "nmnist"), default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--noise", type=float, default=0.0, help="the recipe's, while training in float")
    parser.add_argument("--train", type=int, default=10**9, help="use only so many samples to train on")
    parser.add_argument("--test", type=int, default=10**9, help="and to test with")
    parser.add_argument("--case", action="append", choices=[c.name for c in CASES], help="default: all")
    parser.add_argument("--json", help="write all results to this file")
    args = parser.parse_args(arguments)
    task = load_task(args.data)
    task = replace(task.first(args.train, args.test, task.recipe), text=task.text)
    results: list[Result] = []
    for seed in range(args.seeds):
        results += measure(
            task,
            [c for c in CASES if args.case is None or c.name in args.case],
            seed,
            hidden=args.hidden,
            epochs=args.epochs,
            noise=args.noise,
            say=lambda result: print(result, flush=True),
        )
    print(f"\n{task.text}\n{args.hidden} hidden neurons, {args.epochs} epochs; shares in %\n")
    print(_table(results))
    if args.json:
        Path(args.json).write_text(json.dumps([asdict(r) for r in results], indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
