"""``python -m benchmarks TASK [--peers NAMES] [--threads N,N] [--quick] [--json FILE]``"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import TASKS
from benchmarks.race import Options
from benchmarks.row import Missing, Row, is_ours, with_ratios
from benchmarks.systems import SYSTEMS, chosen
from neurosim.atomic_file import write_atomically
from neurosim.cli.output import table

PYTHON = "NEUROSIM_BENCH_PYTHON_"
FIGURES = (
    "case", "system", "version", "threads", "precision", "spikes", "work",
    "build_seconds", "seconds", "memory", "ratio", "scaling",
)  # fmt: skip
STEP = (
    "case", "system", "version", "threads", "forward_seconds", "backward_seconds", "optimiser_seconds", "seconds",
    "growth", "density", "ratio",
)  # fmt: skip
STEP_BOUNDS = (
    "case", "system", "threads", "ns_per_event", "dense_seconds", "least_seconds", "without_delays_seconds",
    "without_delays_ratio", "without_delays_bound",
)  # fmt: skip
BOUNDS = (
    "case", "system", "threads", "ns_per_event", "bytes_per_event", "neuron_updates_per_second",
    "share_of_bandwidth", "noise_seconds",
)  # fmt: skip

UNITS = {"memory": "memory MB", "growth": "growth MB", "density": "density %"}


def main(argv: list[str] | None = None) -> int:
    """Run one task, print its rows, and write them as JSON."""
    parser = _parser()
    args = parser.parse_args(argv)
    peers = None if args.peers == "all" else _names(args.peers)
    try:
        chosen(peers)
        name, _, function = TASKS[args.task].partition(":")
        module = importlib.import_module(name)
        threads = tuple(int(n) for n in _names(args.threads)) if args.threads else None
        options = Options(
            peers=peers,
            quick=args.quick,
            threads=threads or getattr(module, "THREADS", Options.threads),
            cases=_names(args.cases) if args.cases else None,
            pythons=_pythons(args.python),
        )
    except KeyError as error:
        parser.error(f"unknown system {error}; known: {', '.join(SYSTEMS)}, or a family such as torch")
    except ValueError as error:
        parser.error(str(error))
    rows: list[Row] = []
    missing: list[Missing] = []
    for found in getattr(module, function)(options):
        if isinstance(found, Missing):
            print(_line(found), file=sys.stderr, flush=True)
            missing.append(found)
        else:
            print(f"{found.case}: {found.system} {found.seconds:.3g} s", file=sys.stderr, flush=True)
            rows.append(found)
    rows = list(with_ratios(rows))
    _print(rows, missing)
    if args.json:
        write_atomically(args.json, (json.dumps(_result(args, rows, missing), indent=1) + "\n").encode())
    return 1 if any(is_ours(m.system) for m in missing) or not rows else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure against other simulators."
    )
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument(
        "--peers", default="all", help="systems or families, separated by commas (default: all; '': none)"
    )
    parser.add_argument("--threads", help="numbers of threads (default: 1,2; training and delays: 1)")
    parser.add_argument("--cases", help="cases of the task, separated by commas (default: all)")
    parser.add_argument("--quick", action="store_true", help="one repeat instead of three; sizes stay")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PATH",
        help=f"interpreter of a peer or family that is installed elsewhere (or ${PYTHON}PEER)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the rows here")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _pythons(given: Sequence[str]) -> dict[str, str]:
    """Interpreters from the environment, then from the command line."""
    found = {
        name.removeprefix(PYTHON).lower().replace("_", "-"): path
        for name, path in os.environ.items()
        if name.startswith(PYTHON)
    }
    for text in given:
        peer, separator, path = text.partition("=")
        if not separator or not path:
            raise ValueError(f"--python takes PEER=PATH, not {text!r}")
        chosen((peer,))
        found[peer] = path
    return found


def _print(rows: Sequence[Row], missing: Sequence[Missing]) -> None:
    shown = [row.to_json() for row in rows]
    for row, values in zip(rows, shown, strict=True):
        values["memory"], values["growth"] = _megabytes(row.memory), _megabytes(row.growth)
        values["density"] = " ".join(f"{100 * share:.2g}" for share in row.density)
        if not row.comparable and row.ratio is None:
            values["ratio"] = "not comparable"
    steps = any(row.forward_seconds is not None for row in rows)
    figures, bounds = (STEP, STEP_BOUNDS) if steps else (FIGURES, BOUNDS)
    print(table([UNITS.get(c, c) for c in figures], [[v[c] for c in figures] for v in shown]))
    if ours := [v for row, v in zip(rows, shown, strict=True) if is_ours(row.system)]:
        print("\n" + table(bounds, [[v[c] for c in bounds] for v in ours]))
    for row in rows:
        if text := "; ".join(filter(None, (row.differs, row.digest and f"raster {row.digest}", row.note))):
            print(f"{row.case}: {row.system}, {row.threads} thread(s): {text}")
    for m in missing:
        print(_line(m))


def _line(m: Missing) -> str:
    return f"{m.case}: {m.system}, {m.threads} thread(s): {m.reason}"


def _megabytes(memory: int | None) -> int | None:
    return None if memory is None else round(memory / 1e6)


def _result(args: argparse.Namespace, rows: Sequence[Row], missing: Sequence[Missing]) -> dict[str, Any]:
    return {
        "task": args.task,
        "quick": args.quick,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "rows": [row.to_json() for row in rows],
        "missing": [m.to_json() for m in missing],
    }


def _processor() -> str:
    """The model of the processor, where the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    sys.exit(main())
