"""Where generated kernels and data are kept: a folder of the user's, so that a read-only installation works too."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """``$NEUROSIM_CACHE``, else ``$XDG_CACHE_HOME/neurosim``, else ``~/.cache/neurosim``; a private temporary folder if
    that cannot be written."""
    own = os.environ.get("NEUROSIM_CACHE")
    base = (
        Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "neurosim"
    )
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=base):
            return base
    except OSError:
        return _temporary_folder()


@cache
def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="neurosim-"))
