"""From data to three emulated chips: train a spiking network with delays on event digits, compile it for SpiNNaker,
Loihi and a resistive crossbar, emulate each from the files it wrote, and print one table.

Writes the network, the builds, report.html and report.json into the output folder.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from neurosim.cli import DONE

if TYPE_CHECKING:
    from neurosim.cli.progress import Progress
    from neurosim.hardware.target import Target

__all__ = ["add_arguments", "run"]

DEVICES = 20
"""Noisy devices that are emulated, drawn with the seeds 0 to 19."""
NOISE = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
"""Multiples of the crossbar's device noise in the sweep."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim demo``."""
    parser.add_argument(
        "--data", choices=("digits", "nmnist"), default="digits", help="nmnist needs $NEUROSIM_DATA"
    )
    parser.add_argument("--out", default="neurosim-demo", metavar="DIR", help="default ./%(default)s")
    parser.add_argument("--seed", type=int, default=0, help="draws events, weights and the order of training")
    parser.add_argument(
        "--quick", action="store_true", help="a small network, few samples and devices: seconds"
    )


def run(args: argparse.Namespace) -> int:
    """Run the pipeline and print the table."""
    import importlib
    import shlex
    import sys

    from neurosim.analysis.axes import blank_figure
    from neurosim.analysis.report import write_report
    from neurosim.cli.output import print_json
    from neurosim.cli.progress import Progress

    importlib.import_module("neurosim.nn")  # what is missing is better said now than a minute from now
    blank_figure(1, 1)
    progress = Progress()
    results = _pipeline(args, progress, shlex.join(["neurosim", *sys.argv[1:]]))
    with progress.stage("report", "figures and numbers"):
        page, numbers = write_report(results, args.out)
    if args.json:
        print_json({"report": str(page), **{key: results[key] for key in ("title", "table", "provenance")}})
    else:
        print(_text(results))
        print(f"\nReport  {page}\nNumbers {numbers}")
    return DONE


def _text(results: dict[str, Any]) -> str:
    import textwrap

    from neurosim.cli.output import table

    columns = ("target", "run", "accuracy %", "95 % interval", "as float %", "spikes/sample", "used")
    rows = [
        (
            row["target"],
            row["run"],
            f"{100 * row['accuracy']:.2f}",
            f"{100 * row['low']:.1f} to {100 * row['high']:.1f}",
            f"{100 * row['as_float']:.1f}",
            f"{row['spikes_per_sample']:.1f}",
            row["units"],
        )
        for row in results["table"]
    ]
    summary, notes = (textwrap.fill(results[key], 100) for key in ("summary", "table_notes"))
    return "\n".join([summary, "", table(columns, rows), "", notes])


def _pipeline(args: argparse.Namespace, progress: Progress, command: str) -> dict[str, Any]:
    from dataclasses import asdict
    from pathlib import Path

    from neurosim import hardware
    from neurosim.cli.demo import results as demo_results
    from neurosim.cli.demo.classifier import train
    from neurosim.cli.demo.deployment import deploy, quantised, run_devices, run_engine, units
    from neurosim.cli.demo.noise_sweep import noise_sweep
    from neurosim.cli.demo.tasks import load_task

    with progress.stage("data", args.data):
        task = load_task(args.data, seed=args.seed, quick=args.quick)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    recipe, labels = task.recipe, task.test_labels

    with progress.stage("train", f"{recipe.epochs} epochs on {task.train.samples} samples"):
        trained = train(
            task.train,
            task.train_labels,
            task.classes,
            recipe,
            seed=args.seed,
            progress=progress.training(),
        )
        net = trained.network
        net.save(out / "network.h5")

    with progress.stage("simulate", f"{task.test.samples} held-out samples in the engine"):
        reference = run_engine(net, task.test)
    neurons = sum(p.size for p in net.populations.values())
    rows = [demo_results.row("engine", "float", reference, labels, reference, f"{neurons} neurons")]

    targets: dict[str, Target] = {
        "spinnaker": hardware.SpiNNaker(),
        "loihi": hardware.Loihi1(),
        "crossbar": hardware.Crossbar(),
    }
    deployed = []
    for name, target in targets.items():
        with progress.stage(name, "compile, save, emulate from the files"):
            d = deploy(name, net, target, task.calibration, out / "builds" / name)
            deployed.append(d)
            runs = {
                "quantised": quantised(net, d.build, task.test),
                "emulated": run_devices(d, task.test, [0]),
            }
            rows += [demo_results.row(name, k, r, labels, reference, units(d.build)) for k, r in runs.items()]
    devices = 3 if args.quick else DEVICES
    with progress.stage("devices", f"{devices} noisy crossbars"):
        noisy = run_devices(deployed[-1], task.test, list(range(devices)))
        kind = f"emulated on {devices} noisy devices"
        rows.append(demo_results.row("crossbar", kind, noisy, labels, reference, units(deployed[-1].build)))

    with progress.stage("noise", "accuracy against device noise"):
        some = min(task.test.samples, 120)
        noise = noise_sweep(
            net,
            task.calibration,
            task.test.select(range(some)),
            labels[:some],
            factors=NOISE[::2] if args.quick else NOISE,
            devices=2 if args.quick else 4,
        )
    with progress.stage("compare", "first divergence from the float network"):
        found = demo_results.divergence(net, task.test, deployed)
        shown = demo_results.activity(net, task.test)

    folders = {d.name: d.folder for d in deployed}
    return {
        "title": f"neurosim demo: {task.name}",
        "summary": f"{task.text}. Network of {neurons} neurons, delays up to {recipe.max_delay} steps of "
        f"{net.dt * 1e3:g} ms.",
        "table": rows,
        "table_notes": demo_results.table_notes,
        **shown,
        **demo_results.histograms(trained, deployed),
        "layout": {d.name: [asdict(site) for site in d.build.layout] for d in deployed},
        "usage": {d.name: [asdict(usage) for usage in d.build.usage] for d in deployed},
        "noise": noise,
        "divergence": found,
        "losses": {
            "training": [loss.to_json() for loss in trained.losses],
            **{d.name: [loss.to_json() for loss in d.build.losses] for d in deployed},
        },
        "training": [epoch.to_json() for epoch in trained.history],
        "provenance": demo_results.provenance(
            task, out / "network.h5", folders, seed=args.seed, command=command, seconds=progress.seconds
        ),
    }
