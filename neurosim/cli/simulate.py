"""Run a network file on spikes and write the recording.

Ctrl-C ends a run early and keeps what was recorded: the recording is written as if the run had been that long, and so
is --save-state, from which --state goes on. A second Ctrl-C ends it at once. With --to, what a run has recorded is on
the disk while it goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli import DONE, INTERRUPTED
from neurosim.cli.network_argument import add_network_argument, load_network

if TYPE_CHECKING:
    from neurosim.engine.recording import Record, Recording
    from neurosim.spikes import Spikes

__all__ = ["add_arguments", "add_run_arguments", "finish", "inputs_of", "record_of", "run"]

OPTIONS = ("to", "threads", "backend", "progress")
"""Arguments that `neurosim.simulate` takes under the same name; those left out are not passed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim simulate``."""
    add_network_argument(parser)
    add_run_arguments(parser)
    parser.add_argument(
        "--to",
        metavar="FILE.h5",
        help="write the recording while the run goes on, in memory that does not grow",
    )
    parser.add_argument("--state", metavar="FILE", help="go on from this state of the network")
    parser.add_argument("--save-state", metavar="FILE", help="write the state at the end, to go on from")
    parser.add_argument(
        "--precision",
        choices=("double", "single"),
        help="of states, coefficients and arrivals (default: double)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="at most so many (default: all cores)")
    parser.add_argument(
        "--backend",
        metavar="NAME",
        default="neurosim",
        help="engine: neurosim, brian2 or nest (default: neurosim)",
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a bar with the time left on stderr (default: on a terminal)",
    )


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
        help="record spikes and the named variables; 'counts' counts the spikes instead of keeping them; may be "
        "repeated (default: spikes of the outputs)",
    )
    parser.add_argument("--out", metavar="FILE.h5", help="write the recording")


def record_of(requests: list[str] | None) -> dict[str, Record] | None:
    """``["hidden:v", "liquid:counts", "output"]`` as the ``record`` argument of a run."""
    from neurosim.engine.recording import Record

    if not requests:
        return None
    record = {}
    for request in requests:
        name, _, text = request.partition(":")
        variables = [v for v in text.split(",") if v]
        record[name] = Record(*variables) if "counts" in variables else Record("spikes", *variables)
    return record


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
    from neurosim.analysis.spike_statistics import spike_row
    from neurosim.cli.output import print_json, table
    from neurosim.engine.storage.recording_file import save_recording

    if args.out:
        save_recording(recording, args.out)
    written = args.out or getattr(args, "to", None)
    counted = {name: p.spike_counts() for name, p in recording.items()}
    duration = recording.steps * recording.dt
    rows = [spike_row(name, counts, duration) for name, counts in counted.items() if counts is not None]
    kinds: dict[str, int] = {}
    for event in recording.events:
        kinds[event.kind] = kinds.get(event.kind, 0) + event.count
    result = {
        "dt": recording.dt,
        "steps": recording.steps,
        "samples": recording.samples,
        "populations": rows,
        "events": kinds,
        "recording": str(Path(written)) if written else None,
        "complete": recording.complete,
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
    if written:
        print(f"recording: {written}")
    return DONE


def run(args: argparse.Namespace) -> int:
    """Simulate and print the spike counts."""
    from neurosim.engine.interruption import Interrupted
    from neurosim.engine.recording import State
    from neurosim.engine.simulate import simulate
    from neurosim.errors import DescriptionError

    if args.out and args.to:
        raise DescriptionError(
            "both write the recording",
            where="--out, --to",
            remedy="Pass --to alone: it is the same, and survives",
        )
    inputs = inputs_of(args)
    net = load_network(args)
    options = {key: value for key in OPTIONS if (value := getattr(args, key)) is not None}
    if args.precision:
        options["precision"] = _precision(args.precision)
    if args.state:
        options["state"] = State.load(args.state, net)
    interrupted = False
    try:
        recording = simulate(
            net, inputs, args.duration, record=record_of(args.record), seed=args.seed, **options
        )
    except Interrupted as cut:
        recording, interrupted = cut.recording, True
        print("neurosim: interrupted; what was recorded is kept", file=sys.stderr)
    if args.save_state:
        if recording.final_state is None:
            print("neurosim: warning: the run has no state to go on from", file=sys.stderr)
        else:
            recording.final_state.save(args.save_state, net)
    code = finish(recording, args)
    return INTERRUPTED if interrupted else code


def _precision(name: str) -> Any:
    from neurosim.engine.precision import Precision

    return Precision[name.upper()]
