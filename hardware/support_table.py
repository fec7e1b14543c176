"""The table of features by target, as Markdown: ``python -m neurosim.hardware.support_table > docs/targets.md``."""

from __future__ import annotations

from collections.abc import Iterable

from neurosim.hardware.target import Feature, Support, SupportKind, Target

__all__ = ["markdown", "standard_targets"]

_HEAD = """# What each target does with an option

Written by `python -m neurosim.hardware.support_table`; a test compiles, emulates and compares a network for every cell.

- **native**: the device does it.
- **rewritten exactly**: the compiler says the same thing in the device's words; nothing is lost.
- **approximated**: listed in the build's loss report.
- **refused**: compiling stops with an error that names the population and the way out.

Rounding of weights and constants to the device's numbers is reported apart, for every build.
"""


def standard_targets() -> list[Target]:
    """The targets of this package with their default profiles."""
    from neurosim.hardware import Crossbar, Loihi1, Loihi2, SpiNNaker

    return [SpiNNaker(), Loihi1(), Loihi2(), Crossbar()]


def markdown(targets: Iterable[Target]) -> str:
    """The whole page."""
    chosen = list(targets)
    lines = [
        _HEAD,
        "| option | " + " | ".join(t.name for t in chosen) + " |",
        "|---" * (len(chosen) + 1) + "|",
    ]
    notes: list[str] = []
    for feature in Feature:
        cells = []
        for t in chosen:
            support = t.support.get(feature, Support(SupportKind.REFUSED))
            mark = ""
            if support.note:
                if support.note not in notes:
                    notes.append(support.note)
                mark = f" ({notes.index(support.note) + 1})"
            cells.append(support.kind.value + mark)
        lines.append(f"| {feature.value} | " + " | ".join(cells) + " |")
    lines += ["", "Notes:", ""]
    lines += [f"{i}. {note}" for i, note in enumerate(notes, 1)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(standard_targets()), end="")
