"""Event data: containers, sensors and named data sets. Installed as ``neurosim.datasets``."""

from __future__ import annotations

if __name__ == "datasets":
    raise ImportError("this folder is imported as neurosim.datasets; run from outside the repository or use python -P")
