"""``python -m benchmarks.accuracy NAME [--seeds N] [--tune] [--set training.epochs=3] [--out FOLDER]``"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.data import open_data
from benchmarks.accuracy.recipe import Recipe, names
from benchmarks.accuracy.run import run_once
from neurosim.cli.output import table
from neurosim.errors import NeurosimError

__all__ = ["changed", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds of one configuration, keep every result as a file, print accuracies."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("recipe", help=f"a .toml file, or one of: {', '.join(names())}")
    parser.add_argument("--seeds", type=int, help="how many (default: as the configuration says)")
    parser.add_argument(
        "--tune", action="store_true", help="train and measure on parts of the training set alone"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="change a value"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("accuracy"), help="folder of results (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    try:
        file = Path(args.recipe)
        if args.recipe in names():
            file = Path(__file__).parent / f"{args.recipe}.toml"
        elif file.suffix != ".toml":
            parser.error(f"no configuration {args.recipe!r}; known: {', '.join(names())}")
        recipe = changed(Recipe.from_toml(file), args.set)
        parts = open_data(recipe.data)
        rows = []
        for seed in range(args.seeds or recipe.seeds):
            result = run_once(
                recipe,
                parts,
                seed,
                args.out / f"{file.stem}{'-tuning' if args.tune else ''}-{seed}.json",
                tune=args.tune,
            )
            rows.append(
                [seed, result["accuracy"], result["accuracy_in_training"], round(result["seconds"], 1)]
            )
            print(f"seed {seed}: {result['accuracy']:.4f}", file=sys.stderr, flush=True)
    except (NeurosimError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    print(table(["seed", "accuracy", "in training", "seconds"], rows))
    each = np.array([row[1] for row in rows])
    spread = f" +- {each.std(ddof=1):.4f} (standard deviation)" if len(each) > 1 else ""
    print(
        f"{file.stem}: {each.mean():.4f}{spread} over {len(each)} seeds; to compare: {recipe.target or 'nothing'}"
    )
    return 0


def changed(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with values changed, each as ``table.key=value`` in TOML's spelling."""
    values: dict[str, Any] = recipe.to_json()
    for text in changes:
        name, _, value = text.partition("=")
        at, _, key = name.strip().rpartition(".")
        table_of = values.get(at) if at else values
        if not isinstance(table_of, dict) or key not in table_of:
            raise SystemExit(f"--set takes TABLE.KEY=VALUE, not {text!r}")
        table_of[key] = tomllib.loads(f"x = {value}")["x"]
    return Recipe.from_values(values, "--set")


if __name__ == "__main__":
    sys.exit(main())
