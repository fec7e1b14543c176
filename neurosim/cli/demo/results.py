"""What the demo shows: rows of the table, activity of one sample, first divergence, provenance. Plain JSON values."""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.analysis.comparison import compare
from neurosim.analysis.plots import histogram
from neurosim.cli.demo.classifier import Trained
from neurosim.cli.demo.deployment import Deployment, Run
from neurosim.cli.demo.tasks import Task
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record, Recording
from neurosim.engine.simulate import simulate
from neurosim.network import Network
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.engine.recording import PopulationRecording

__all__ = ["activity", "divergence", "histograms", "provenance", "row", "table_notes"]

WATCHED = 16
"""Samples in which the first divergence is looked for: membrane potentials are recorded for these."""

table_notes = (
    "Accuracy on held-out samples; the class is the output neuron with most spikes, the first of several. "
    "Interval: Wilson score for one run; for several devices the mean with Student's t over devices, which saw the "
    "same samples. As float: share of samples given the same class as by the float network. Spikes: hidden and "
    "output neurons. Quantised: the weights that the device holds, in the engine's float arithmetic."
)


def row(target: str, kind: str, run: Run, labels: NDArray[Any], reference: Run, units: str) -> dict[str, Any]:
    """One row of the table of results."""
    from neurosim.hardware.verify.accuracy_interval import paired_difference

    hits = run.predicted == labels
    accuracy, low, high = _interval(hits)
    paired = [paired_difference(h, reference.predicted[0] == labels) for h in hits]
    return {
        "target": target,
        "run": kind,
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "correct": float(hits.sum(1).mean()),
        "samples": len(labels),
        "devices": len(hits),
        "accuracies": hits.mean(1).tolist(),
        "difference": float(np.mean([p.difference for p in paired])),
        "difference_interval": [paired[0].low, paired[0].high] if len(hits) == 1 else None,
        "as_float": float((run.predicted == reference.predicted[0]).mean()),
        "spikes_per_sample": run.spikes_per_sample,
        "events": dict(run.events),
        "units": units,
    }


def _interval(hits: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Accuracy with its 95 % interval from ``[devices, samples]``."""
    from neurosim.hardware.verify.accuracy_interval import device_mean, wilson

    if len(hits) == 1:
        return float(hits.mean()), *wilson(int(hits.sum()), hits.shape[1])
    found = device_mean(hits.mean(1))
    return found.mean, max(found.low, 0.0), min(found.high, 1.0)


def histograms(trained: Trained, deployed: Sequence[Deployment]) -> dict[str, Any]:
    """Weights before and after training, what the devices hold instead, and delays in ms."""
    net = trained.network
    step = net.dt * 1e3
    exact = {p.name: p.weight for p in lower(net).projections}
    errors = {
        name: histogram({d.name: d.build.weights[name] - weight for d in deployed})
        for name, weight in exact.items()
    }
    delays: dict[str, Any] = {}
    for name, sets in trained.delays.items():
        before, after = sets.values()
        in_ms = {label: steps * step for label, steps in sets.items()}
        delays[name] = histogram(in_ms, (np.arange(int(before.max()) + 3) - 0.5) * step)
        delays[f"{name}, change"] = histogram({"after - before": (after - before) * step})
    return {
        "weights": {name: histogram(sets) for name, sets in trained.weights.items()},
        "weight_errors": errors,
        "delays": delays,
    }


def activity(net: Network, inputs: Spikes, sample: int = 0) -> dict[str, Any]:
    """Raster and membrane potentials of one sample in the engine."""
    record = {name: Record("spikes", "v") for name in net.populations}
    recording = simulate(net, {"input": inputs.select([sample])}, record=record)
    shown = [{"name": "input", "shape": inputs.shape, **_cells(inputs.select([sample]))}]
    membrane = []
    for name, part in recording.items():
        if part.spikes is None:
            continue
        shown.append({"name": name, "shape": part.spikes.shape, **_cells(part.spikes)})
        membrane.append(_membrane(net, name, part))
    label = f"held-out sample {sample}"
    return {
        "raster": {"dt": net.dt, "steps": recording.steps, "label": label, "populations": shown},
        "membrane": {"dt": net.dt, "label": label, "populations": membrane},
    }


def _cells(spikes: Spikes) -> dict[str, Any]:
    return {"step": spikes.step.tolist(), "neuron": spikes.neuron.tolist()}


def _membrane(net: Network, name: str, part: PopulationRecording) -> dict[str, Any]:
    """The potentials of the three neurons that spike most."""
    spikes = part.spikes
    assert spikes is not None
    busiest = np.sort(np.argsort(-spikes.counts()[0], kind="stable")[:3])
    threshold = getattr(net.populations[name].model, "threshold", None)
    return {
        "name": name,
        "threshold": float(np.max(threshold)) if threshold is not None else None,
        "neurons": busiest.tolist(),
        "values": part.v[:, 0].reshape(len(part.v), -1)[:, busiest].tolist(),
        "spikes": [spikes.step[spikes.neuron == n].tolist() for n in busiest],
    }


def divergence(net: Network, inputs: Spikes, deployed: Sequence[Deployment]) -> dict[str, Any]:
    """Where each emulator parts from the float network, in the first few samples."""
    from neurosim.hardware import Overflow

    some = inputs.select(np.arange(min(WATCHED, inputs.samples)))
    record = {name: Record("spikes", "v") for name in net.populations}
    float_run = simulate(net, {"input": some}, record=record)
    found: dict[str, Any] = {}
    for d in deployed:
        emulated: Recording = d.device.emulate({"input": some}, record=record, overflow=Overflow.AS_CHIP)
        verdict = compare(
            float_run, emulated, order=list(net.populations), losses=d.build.losses, names=("float", d.name)
        )
        found[d.name] = {"text": str(verdict), **verdict.to_json()}
    return found


def provenance(
    task: Task,
    net_file: Path,
    folders: Mapping[str, Path],
    *,
    seed: int,
    command: str,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Where the numbers come from."""
    from neurosim import __version__

    used = {"numpy", "scipy", "numba", "h5py", "nir", "torch", "scikit-learn", "matplotlib"}
    found = {d.metadata["Name"].lower(): d.version for d in metadata.distributions() if d.metadata["Name"]}
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": seed,
        "data": task.text,
        "recipe": vars(task.recipe),
        "neurosim": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": {name: found[name] for name in sorted(used & set(found))},
        "network (sha256)": _sha256(net_file),
        **{
            f"{name} build (sha256 of its manifest)": _sha256(f / "manifest.json")
            for name, f in folders.items()
        },
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
