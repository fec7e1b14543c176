"""Synapses from a SciPy sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.rules import Sparse
from neurosim.errors import ShapeError

__all__ = ["from_scipy"]


def from_scipy(matrix: Any) -> tuple[Sparse, NDArray[Any]]:
    """The rule and the weights of a sparse matrix or array ``[n_pre, n_post]``::

        rule, weight = ns.from_scipy(matrix)
        net.connect(a, b, rule, weight=weight)

    Every stored entry is a synapse: entries that a COO matrix holds twice are two synapses, and explicit zeros are
    synapses of weight zero (a plastic projection keeps them, a static one leaves them out). float32 stays float32.
    """
    if not hasattr(matrix, "tocoo") or len(getattr(matrix, "shape", ())) != 2:
        raise ShapeError("not a SciPy sparse matrix", where="from_scipy", value=type(matrix).__name__)
    coo = matrix.tocoo()
    dtype = np.float32 if coo.data.dtype == np.float32 else np.float64
    return Sparse(coo.row, coo.col), np.array(coo.data, dtype)
