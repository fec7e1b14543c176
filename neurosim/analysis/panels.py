"""The panels of the report. Each reads plain results and fills its section; a key that is missing leaves it out.

Accuracies are shares from 0 to 1, times seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from neurosim.analysis.axes import COLOURS
from neurosim.analysis.html_page import Section
from neurosim.analysis.plots import (
    plot_accuracy_against_noise,
    plot_histogram,
    plot_raster,
    plot_sites,
    plot_traces,
)
from neurosim.analysis.training_curves import draw_training
from neurosim.spikes import Spikes

__all__ = [
    "delays",
    "divergence",
    "losses",
    "membrane",
    "noise",
    "provenance",
    "raster",
    "results",
    "sites",
    "training",
    "weights",
]

Results = Mapping[str, Any]


def results(results: Results, section: Section) -> None:
    """``table``: rows with ``target, run, accuracy, low, high, correct, samples, spikes_per_sample, units``, and
    ``as_float`` (share of samples given the same class as by the float network) where it is known."""
    rows = [
        {
            "target": row["target"],
            "run": row["run"],
            "accuracy": f"{row['accuracy']:.2%}",
            "95 % interval": f"{row['low']:.2%} to {row['high']:.2%}",
            "correct": f"{round(row['correct'], 1):g} of {row['samples']}",
            "as float": f"{row['as_float']:.1%}" if "as_float" in row else "",
            "spikes per sample": f"{row['spikes_per_sample']:.1f}",
            "used": row["units"],
        }
        for row in results["table"]
    ]
    columns = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    section.table(columns, [[row[name] for name in columns] for row in rows])
    if results.get("table_notes"):
        section.text(results["table_notes"])


def raster(results: Results, section: Section) -> None:
    """``raster``: ``dt``, ``steps``, ``label`` and ``populations``, each with ``name, shape, step, neuron``."""
    data = results["raster"]
    populations = data["populations"]
    sizes = [int(np.prod(p["shape"])) for p in populations]
    ratios = [1 + np.log2(max(n, 2)) for n in sizes]
    with section.figure(9, 0.33 * sum(ratios), data.get("label", "")) as figure:
        axes = figure.subplots(len(populations), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for i, (ax, p) in enumerate(zip(axes, populations, strict=True)):
            order = np.lexsort((p["neuron"], p["step"]))
            step, neuron = np.asarray(p["step"], int)[order], np.asarray(p["neuron"], int)[order]
            zero = np.zeros(len(step), int)
            spikes = Spikes(zero, step, neuron, shape=p["shape"], dt=data["dt"], steps=data["steps"])
            plot_raster(spikes, ax=ax, colour=COLOURS[i % len(COLOURS)])
            ax.set_ylabel(p["name"])
            ax.label_outer()


def membrane(results: Results, section: Section) -> None:
    """``membrane``: ``dt`` and ``populations``, each with ``name, threshold, neurons, values [T][neurons], spikes``."""
    data = results["membrane"]
    populations = data["populations"]
    with section.figure(9, 2.2 * len(populations), data.get("label", "")) as figure:
        axes = figure.subplots(len(populations), 1, sharex=True, squeeze=False)[:, 0]
        for ax, p in zip(axes, populations, strict=True):
            values = np.asarray(p["values"], float)[:, None, :]
            fired = [(k, i) for i, steps in enumerate(p["spikes"]) for k in steps]
            step, neuron = np.array(sorted(fired), int).reshape(-1, 2).T
            frame: dict[str, Any] = {"shape": values.shape[2], "dt": data["dt"], "steps": values.shape[0]}
            spikes = Spikes(np.zeros(len(step), int), step, neuron, **frame)
            shown = range(values.shape[2])
            plot_traces(values, p["threshold"], spikes, dt=data["dt"], ax=ax, neurons=shown, label=p["name"])
            texts = ax.get_legend().get_texts()
            for text, n in zip(texts, p["neurons"], strict=False):
                text.set_text(f"neuron {n}")
            ax.label_outer()


def training(results: Results, section: Section) -> None:
    """``training``: epochs with ``epoch, loss, accuracy, spikes, rates``, and ``validation_loss`` and
    ``validation_accuracy`` where they were measured."""
    with section.figure(9, 5.5) as figure:
        draw_training(results["training"], figure)


def _histograms(data: Mapping[str, Any], section: Section, label: str, *, scale: str = "symlog") -> None:
    columns = min(3, len(data))
    rows = -(-len(data) // columns)
    with section.figure(3.2 * columns, 2.5 * rows) as figure:
        axes = figure.subplots(rows, columns, squeeze=False).reshape(-1)
        for ax, (name, counts) in zip(axes, data.items(), strict=False):
            plot_histogram(counts, ax=ax, label=label)
            ax.set_title(name, fontsize=9)
            ax.locator_params(axis="x", nbins=5)
            ax.ticklabel_format(axis="x", scilimits=(-2, 4))
            ax.set_yscale(scale, **({"linthresh": 1} if scale == "symlog" else {}))
            ax.set_ylim(bottom=0)
        for ax in axes[len(data) :]:
            ax.set_visible(False)


def weights(results: Results, section: Section) -> None:
    """``weights``: projection to counts as `neurosim.analysis.plots.histogram` makes them; ``weight_errors``: the same
    of what builds hold minus what was trained, where it is known."""
    _histograms(results["weights"], section, "weight")
    if results.get("weight_errors"):
        section.heading("Compiled minus trained weight")
        section.text("What the emitted files hold, before the errors that a noisy device adds of its own.")
        _histograms(results["weight_errors"], section, "error of the weight")


def delays(results: Results, section: Section) -> None:
    """``delays``: projection to counts, in milliseconds."""
    _histograms(results["delays"], section, "delay (ms)", scale="linear")


def sites(results: Results, section: Section) -> None:
    """``layout``: target to sites ``unit, x, y, label, load``; ``usage``: target to ``resource, used, limit``."""
    usage = results.get("usage", {})
    for target, layout in results["layout"].items():
        section.heading(target)
        if layout:
            width = 2.5 + 0.55 * (max(s["x"] for s in layout) - min(s["x"] for s in layout) + 1)
            height = 1.2 + 0.5 * (max(s["y"] for s in layout) - min(s["y"] for s in layout) + 1)
            with section.figure(min(max(width, 4), 9), min(max(height, 2.2), 6)) as figure:
                plot_sites([SimpleNamespace(**s) for s in layout], ax=figure.subplots())
        rows = [
            (
                u["resource"],
                _amount(u["used"]),
                _amount(u["limit"]) if u["limit"] else "",
                _share(u["used"], u["limit"]),
            )
            for u in usage.get(target, ())
        ]
        if rows:
            section.table(("resource", "used", "limit", "share"), rows)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _share(used: float, limit: float | None) -> str:
    return f"{used / limit:.1%}" if limit else ""


def noise(results: Results, section: Section) -> None:
    """``noise``: ``label, levels, mean, low, high``, ``bar`` (or None) and ``text``."""
    data = results["noise"]
    with section.figure(6, 3.2) as figure:
        plot_accuracy_against_noise(
            data["levels"],
            data["mean"],
            data["low"],
            data["high"],
            bar=data.get("bar"),
            ax=figure.subplots(),
            label=data["label"],
        )
    section.text(data.get("text", ""))


def divergence(results: Results, section: Section) -> None:
    """``divergence``: target to ``{"text": ..., **Comparison.to_json()}``."""
    for target, found in results["divergence"].items():
        section.heading(target)
        section.verbatim(found["text"])
        trace = ((found["first"] or {}).get("cause") or {}).get("trace")
        if trace and trace["steps"]:
            times = np.asarray(trace["steps"]) * found["dt"] * 1e3
            with section.figure(
                7, 3.2, "The neuron that parts first, up to the step before it does"
            ) as figure:
                ax, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
                ax.plot(times, trace["a"], color=COLOURS[0], label="float")
                ax.plot(times, trace["b"], color=COLOURS[1], linestyle="--", label=target)
                ax.set(ylabel=trace["variable"])
                ax.legend(fontsize="small", frameon=False)
                below.plot(times, np.subtract(trace["b"], trace["a"]), color=COLOURS[2])
                below.set(xlabel="time (ms)", ylabel="difference")
                below.ticklabel_format(axis="y", scilimits=(-2, 3))


def losses(results: Results, section: Section) -> None:
    """``losses``: target to ``kind, where, what, amount``."""
    for target, lost in results["losses"].items():
        section.heading(target)
        if lost:
            rows = [(loss["kind"], loss["where"], loss["what"], loss["amount"]) for loss in lost]
            section.table(("kind", "where", "what", "amount"), rows)
        else:
            section.text("Nothing was lost.")


def provenance(results: Results, section: Section) -> None:
    """``provenance``: names and values."""
    section.facts(results["provenance"])
