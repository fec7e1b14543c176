"""Which synapses, neurons and axons lie on which core, and where."""

from __future__ import annotations

__all__: list[str] = []
