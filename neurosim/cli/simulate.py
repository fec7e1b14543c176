"""Run a network file on spikes and write the recording."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.cli import DONE
from neurosim.cli.network_argument import add_network_argument, load_network

if TYPE_CHECKING:
    from neurosim.engine.recording import Record, Recording
    from neurosim.spikes import Spikes

__all__ = ["add_arguments", "add_run_arguments", "finish", "inputs_of", "record_of", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim simulate``."""
    add_network_argument(parser)
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that every run takes, in the engine or an emulator."""
    parser.add_argument("--input", metavar="FILE", help="spikes by input name (.npz of neurosim.spikes_file)")
    parser.add_argument(
        "--duration", type=float, metavar="SECONDS", help="as long as the input where left out"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="draws the run: device and noise, where there are any"
    )
    parser.add_argument(
        "--record",
        action="append",
        metavar="POPULATION[:VARIABLE,...]",
        help="record spikes and the named variables; may be repeated (default: spikes of the outputs)",
    )
    parser.add_argument("--out", metavar="FILE.h5", help="write the recording")


def record_of(requests: list[str] | None) -> dict[str, Record] | None:
    """``["hidden:v", "output"]`` as the ``record`` argument of a run."""
    from neurosim.engine.recording import Record

    if not requests:
        return None
    parts = (request.partition(":") for request in requests)
    return {name: Record("spikes", *filter(None, variables.split(","))) for name, _, variables in parts}


def inputs_of(args: argparse.Namespace) -> dict[str, Spikes]:
    """The spikes of ``--input``; none if it was left out, and then there must be a duration."""
    from neurosim.errors import DescriptionError
    from neurosim.spikes_file import load_spikes

    if args.input:
        return load_spikes(args.input)
    if args.duration is None:
        raise DescriptionError(
            "there is no input, and so no end",
            remedy="Pass --input FILE, or --duration SECONDS to run without",
        )
    return {}


def finish(recording: Recording, args: argparse.Namespace) -> int:
    """Write the recording and print what it holds."""
    from neurosim.analysis.spike_statistics import spike_table
    from neurosim.cli.output import print_json, table
    from neurosim.engine.recording_file import save_recording

    if args.out:
        save_recording(recording, args.out)
    rows = spike_table({name: p.spikes for name, p in recording.items() if p.spikes is not None})
    kinds: dict[str, int] = {}
    for event in recording.events:
        kinds[event.kind] = kinds.get(event.kind, 0) + event.count
    result = {
        "dt": recording.dt,
        "steps": recording.steps,
        "samples": recording.samples,
        "populations": rows,
        "events": kinds,
        "recording": str(Path(args.out)) if args.out else None,
    }
    if args.json:
        print_json(result)
        return DONE
    print(f"{recording.samples} samples of {recording.steps} steps of {recording.dt * 1e3:g} ms")
    columns = ("population", "neurons", "spikes_per_sample", "rate", "silent")
    heads = ("population", "neurons", "spikes per sample", "rate (Hz)", "silent share")
    print(table(heads, [[row[c] for c in columns] for row in rows]))
    if kinds:
        print("device events: " + ", ".join(f"{n} of {kind}" for kind, n in kinds.items()))
    if args.out:
        print(f"recording: {args.out}")
    return DONE


def run(args: argparse.Namespace) -> int:
    """Simulate and print the spike counts."""
    from neurosim.engine.simulate import simulate

    inputs = inputs_of(args)
    net = load_network(args)
    recording = simulate(net, inputs, args.duration, record=record_of(args.record), seed=args.seed)
    return finish(recording, args)
