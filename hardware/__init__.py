"""Deploying to and emulating neuromorphic hardware. Installed as ``neurosim.hardware``."""

from __future__ import annotations

if __name__ == "hardware":
    raise ImportError("this folder is imported as neurosim.hardware; run from outside the repository or use python -P")
