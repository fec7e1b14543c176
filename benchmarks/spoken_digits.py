"""Spoken digits without delays, with fixed random ones and with learned ones: ``python -m benchmarks.spoken_digits``.

The three differ in nothing else: the cochlea, the time grid, the populations, the number of epochs, the first weights
of a seed and the order of samples are the same. Learned delays add as many parameters as there are weights, so a fourth
condition has fixed delays and twice the hidden neurons, that is, as many learned parameters. What each may choose for
itself was chosen by ``--tune`` on a fifth of the official training set that was held out, and stands in `CONDITIONS`:
without delays the only memory is in the time constants, which are longer there. No test recording of the official split
was looked at for it. Leaving speakers out takes the same values: they were chosen on recordings of all six, for all
conditions alike, so that accuracies there are a little less blind than differences between conditions.

The official split tests 300 recordings of speakers that are known from training; leaving one speaker out at a time
tests all 3000 recordings on unknown speakers. Each finished training is a file in the folder of results, so that a run
that was stopped goes on where it was, and several processes may share a folder (``--part 0/2`` and ``--part 1/2``).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.comparison import compare
from benchmarks.accuracy.data import open_data
from benchmarks.accuracy.recipe import Delays, Recipe, named
from benchmarks.accuracy.run import finished, run_once
from neurosim.atomic_file import write_atomically
from neurosim.datasets.spoken import SPEAKERS
from neurosim.errors import NeurosimError
from neurosim.hardware.verify import wilson

__all__ = ["CONDITIONS", "Job", "jobs", "main", "markdown", "recipe_of", "summary"]

OFFICIAL = "official"
CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "none": {"delays": Delays.NONE, "tau_membrane": 50e-3, "tau_readout": 300e-3},
    "fixed": {"delays": Delays.FIXED},
    "learned": {"delays": Delays.LEARNED},
    "fixed-wide": {"delays": Delays.FIXED, "hidden": (256,)},
}
"""Entries of [network] that each condition has of its own."""
PAIRS = (("learned", "none"), ("learned", "fixed"), ("fixed", "none"), ("learned", "fixed-wide"))


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training: a condition, a test set (the official one, or a speaker), and a seed."""

    condition: str
    test: str
    seed: int

    def file(self, folder: Path) -> Path:
        """Where its result is kept."""
        return folder / f"{self.test}-{self.condition}-{self.seed}.json"


def jobs(splits: Sequence[str], seeds: int, conditions: Sequence[str] = tuple(CONDITIONS)) -> Iterator[Job]:
    """All trainings, one seed after the other, so that a run that is cut short has something of every kind."""
    tests = {"official": (OFFICIAL,), "speakers": SPEAKERS}
    for split in splits:
        for seed in range(seeds):
            for test in tests[split]:
                for condition in conditions:
                    yield Job(condition=condition, test=test, seed=seed)


def recipe_of(job: Job, base: Recipe) -> Recipe:
    """The configuration with the job's condition and its test set."""
    name = base.data.name if job.test == OFFICIAL else f"{base.data.name}:{job.test}"
    network = dataclasses.replace(base.network, **CONDITIONS[job.condition])
    return dataclasses.replace(base, data=dataclasses.replace(base.data, name=name), network=network)


def summary(folder: Path, base: Recipe, splits: Sequence[str], seeds: int) -> dict[str, Any]:
    """Accuracies and comparisons of trainings that are there; a seed counts where it has all test sets of a split."""
    out: dict[str, Any] = {"recipe": base.to_json(), "splits": {}}
    for split in splits:
        predicted: dict[str, list[list[int]]] = {kind: [] for kind in CONDITIONS}
        labels: list[int] = []
        facts: dict[str, Any] = {}
        for kind in CONDITIONS:
            for seed in range(seeds):
                wanted = [j for j in jobs((split,), seeds) if (j.condition, j.seed) == (kind, seed)]
                found = [finished(recipe_of(j, base), seed, j.file(folder)) for j in wanted]
                if all(found):
                    results = [r for r in found if r]
                    predicted[kind].append([p for r in results for p in r["predicted"]])
                    labels = [y for r in results for y in r["labels"]]
                    facts.setdefault(kind, {"parameters": results[0]["parameters"], "by_test": {}})
                    for job, result in zip(wanted, results, strict=True):
                        facts[kind]["by_test"].setdefault(job.test, []).append(result["accuracy"])
        for kind, rows in predicted.items():
            if rows:
                each = (np.array(rows) == np.array(labels)).mean(1)
                facts[kind] |= {
                    "seeds": len(rows), "items": len(labels), "accuracies": each.tolist(), "mean": float(each.mean()),
                    "std": float(each.std(ddof=1)) if len(each) > 1 else None,
                    "wilson": wilson(round(float(each.mean()) * len(labels)), len(labels)),
                }  # fmt: skip
        out["splits"][split] = {
            "conditions": facts,
            "comparisons": {
                f"{a} - {b}": compare(predicted[a], predicted[b], labels).to_json()
                for a, b in PAIRS
                if predicted[a] and predicted[b]
            },
        }
    return out


def markdown(found: Mapping[str, Any]) -> str:
    """The tables: accuracies, comparisons, and accuracies by speaker."""
    rows = [
        "| split | delays | weights + delays learned | seeds | accuracy, mean +- std over seeds | 95 % over items |",
        "|---|---|---|---|---|---|",
    ]
    pairs = [
        "| split | comparison | difference | 95 % (items and seeds) | McNemar p, votes | right alone | items |",
        "|---|---|---|---|---|---|---|",
    ]
    for split, values in found["splits"].items():
        for kind, v in values["conditions"].items():
            spread = "" if v["std"] is None else f" +- {100 * v['std']:.2f}"
            low, high = (100 * x for x in v["wilson"])
            size = f"{v['parameters']['weight']} + {v['parameters']['delay']}"
            mean = f"{100 * v['mean']:.2f}{spread} %"
            rows.append(f"| {split} | {kind} | {size} | {v['seeds']} | {mean} | {low:.1f} to {high:.1f} |")
        for name, c in values["comparisons"].items():
            difference, low, high = (f"{100 * c[x]:+.2f}" for x in ("difference", "low", "high"))
            alone = f"{c['only_first']} : {c['only_second']}"
            pairs.append(
                f"| {split} | {name} | {difference} | {low} to {high} | {c['p_value']:.2g} | {alone} | {c['items']} |"
            )
    return "\n".join([*rows, "", *pairs, "", *_by_speaker(found), ""])


def _by_speaker(found: Mapping[str, Any]) -> list[str]:
    """Mean accuracies on each speaker who was left out: items of one speaker are not independent of one another."""
    values = found["splits"].get("speakers", {}).get("conditions", {})
    if not values:
        return []
    tests = tuple(next(iter(values.values()))["by_test"])
    lines = [f"| delays | {' | '.join(tests)} |", "|---" * (len(tests) + 1) + "|"]
    for kind, v in values.items():
        means = " | ".join(f"{100 * np.mean(v['by_test'][t]):.1f}" for t in tests)
        lines.append(f"| {kind} | {means} |")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then write ``summary.json`` and ``summary.md`` beside the results, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.spoken_digits", description="No delays, fixed random ones, learned ones."
    )
    parser.add_argument("--splits", default="official,speakers", help="(default: %(default)s)")
    parser.add_argument(
        "--seeds", type=int, default=5, help="of every kind and test set (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("spoken-digits"), help="folder (default: %(default)s)"
    )
    parser.add_argument("--conditions", default=",".join(CONDITIONS), help="(default: %(default)s)")
    parser.add_argument("--part", default="0/1", metavar="K/N", help="run every N-th training, from the K-th")
    parser.add_argument("--summary", action="store_true", help="run nothing")
    parser.add_argument(
        "--tune", action="store_true", help="official split, tested on a held-out part of training"
    )
    args = parser.parse_args(argv)
    splits = tuple(args.splits.split(","))
    if unknown := sorted(set(splits) - {"official", "speakers"}):
        parser.error(f"no split {', '.join(unknown)}; known: official, speakers")
    conditions = tuple(args.conditions.split(","))
    if unknown := sorted(set(conditions) - set(CONDITIONS)):
        parser.error(f"no condition {', '.join(unknown)}; known: {', '.join(CONDITIONS)}")
    part, _, of = args.part.partition("/")
    base = named("spoken_digits")
    try:
        if not args.summary:
            wanted = list(jobs(splits, args.seeds, conditions))[int(part) :: int(of)]
            _run(wanted, base, args.out / "tuning" if args.tune else args.out, args.tune)
        if args.tune:
            return 0
        found = summary(args.out, base, splits, args.seeds)
    except (NeurosimError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    write_atomically(args.out / "summary.json", (json.dumps(found, indent=1) + "\n").encode())
    write_atomically(args.out / "summary.md", markdown(found).encode())
    print(markdown(found))
    return 0


def _run(wanted: Sequence[Job], base: Recipe, folder: Path, tune: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Any] = {}
    for k, job in enumerate(wanted):
        recipe = recipe_of(job, base)
        if finished(recipe, job.seed, job.file(folder), tune=tune) is None:
            if job.test not in parts:
                parts[job.test] = open_data(recipe.data)
            result = run_once(recipe, parts[job.test], job.seed, job.file(folder), tune=tune)
            line = f"{result['accuracy']:.4f} in {result['seconds']:.0f} s"
            print(
                f"{k + 1}/{len(wanted)} {job.test} {job.condition} {job.seed}: {line}",
                file=sys.stderr,
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(main())
