"""Where generated kernels are kept: a folder of the user's, so that a read-only installation works too."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["cache_folder"]


@cache
def cache_folder() -> Path:
    """``$NEUROSIM_CACHE``, else ``$XDG_CACHE_HOME/neurosim``, else ``~/.cache/neurosim``; a private temporary folder if
    none of them can be written."""
    chosen = os.environ.get("NEUROSIM_CACHE")
    base = (
        Path(chosen)
        if chosen
        else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "neurosim"
    )
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=base):
            return base
    except OSError:
        return Path(tempfile.mkdtemp(prefix="neurosim-"))
