"""``python -m benchmarks TASK [--peers NAMES] [--quick] [--json FILE]``"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import sys

from benchmarks import TASKS, Row, with_ratios
from neurosim.atomic_file import write_atomically
from neurosim.cli.output import table


def main(argv: list[str] | None = None) -> int:
    """Run one task, print its rows, and write them as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure against other simulators."
    )
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument(
        "--peers", default="all", help="systems to measure, separated by commas (default: all installed)"
    )
    parser.add_argument("--quick", action="store_true", help="small cases: whether it runs, not how fast")
    parser.add_argument("--json", metavar="FILE", help="write the rows here")
    args = parser.parse_args(argv)

    module, _, function = TASKS[args.task].partition(":")
    run = getattr(importlib.import_module(module), function)
    peers = None if args.peers == "all" else tuple(filter(None, args.peers.split(",")))
    rows: list[Row] = []
    for row in run(peers, args.quick):
        print(f"{row.case}: {row.system} {row.seconds:.3g} s", file=sys.stderr, flush=True)
        rows.append(row)
    rows = list(with_ratios(rows))
    columns = ("case", "system", "version", "threads", "work", "unit", "seconds", "memory", "ratio")
    print(table(columns, [[row.to_json()[c] for c in columns] for row in rows]))
    if args.json:
        result = {
            "task": args.task,
            "quick": args.quick,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": {
                "system": platform.platform(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
            },
            "rows": [row.to_json() for row in rows],
        }
        write_atomically(args.json, (json.dumps(result, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
