"""Column currents of an array of resistive cells: ideal, and with resistive word and bit lines.

The array has m word lines, driven at the left, and n bit lines, held at 0 V at the bottom. Every word line has n
segments of ``r_word`` ohm (driver to first cell, then cell to cell), every bit line m segments of ``r_bit`` (cell to
cell, then last cell to ground). With u_ij and b_ij the word- and bit-line voltages at cell (i, j), Kirchhoff's law at
the 2mn nodes reads

    (u_ij - u_i,j-1) / r_word + (u_ij - u_i,j+1) / r_word + G_ij (u_ij - b_ij) = 0
    (b_ij - b_i-1,j) / r_bit  + (b_ij - b_i+1,j) / r_bit  - G_ij (u_ij - b_ij) = 0

with u_i,-1 = V_i and b_m,j = 0, and without the terms that reach beyond the other two edges: a symmetric positive
definite system. A side without resistance has known voltages and drops out. Open cells (G = 0) are allowed. The same
circuit is solved by badcrossbar (Joksas and Mehonic, SoftwareX 12, 100617 (2020)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from neurosim.errors import DescriptionError, ShapeError

__all__ = ["Solution", "gate", "ideal_currents", "solve", "transfer"]

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Currents in A and voltages in V; ``k`` is the number of input vectors.

    Attributes:
        output: current out of each bit line, ``[k, n]``.
        word_voltage, bit_voltage: at the two ends of each cell, ``[m, n, k]``.
        cell: current through each cell, ``[m, n, k]``.
        word: current in the word-line segment left of each cell, ``[m, n, k]``.
        bit: current in the bit-line segment below each cell, ``[m, n, k]``.
    """

    output: Float
    word_voltage: Float
    bit_voltage: Float
    cell: Float
    word: Float
    bit: Float


def ideal_currents(g: ArrayLike, v: ArrayLike) -> Float:
    """Bit-line currents without wire resistance, I_j = sum_i G_ij V_i.

    Args:
        g: conductances ``[m, n]`` in S.
        v: word-line voltages ``[m]`` or ``[m, k]`` in V.

    Returns:
        ``[n]`` or ``[k, n]`` in A.
    """
    conductance, voltage = _checked(g, v)
    return np.asarray(voltage.T @ conductance, np.float64)


def gate(g: ArrayLike, active: ArrayLike) -> Float:
    """The array seen by a read in which only the ``active`` word lines (bool ``[m]``) switch their cells on.

    The cells of the other lines carry nothing (one-transistor cells with the gate low), instead of loading the bit
    lines from a grounded word line.
    """
    conductance, _ = _checked(g, None)
    return np.where(np.asarray(active, bool)[:, None], conductance, 0.0)


def solve(g: ArrayLike, v: ArrayLike, *, r_word: float, r_bit: float) -> Solution:
    """All voltages and currents of the array.

    Args:
        g: conductances ``[m, n]`` in S.
        v: word-line voltages ``[m]`` or ``[m, k]`` in V.
        r_word, r_bit: resistance of one segment in ohm; 0 removes that side.

    Raises:
        ShapeError, DescriptionError: shapes that do not fit; negative or non-finite values.
    """
    conductance, voltage = _checked(g, v)
    voltage = voltage.reshape(len(conductance), -1)
    m, n = conductance.shape
    k = voltage.shape[1]
    system = _System(conductance, r_word, r_bit)
    if r_word == 0 and r_bit == 0:
        u, b = _spread(voltage, n), np.zeros((m, n, k))
    else:
        u, b = system.voltages(system.solve(system.source(voltage)), voltage)
    cell = conductance[:, :, None] * (u - b)
    word = np.cumsum(cell[:, ::-1], axis=1)[:, ::-1]
    bit = np.cumsum(cell, axis=0)
    return Solution(output=bit[-1].T.copy(), word_voltage=u, bit_voltage=b, cell=cell, word=word, bit=bit)


def transfer(g: ArrayLike, *, r_word: float, r_bit: float) -> Float:
    """The linear map T ``[m, n]`` in S with I = T^T V, inactive word lines grounded.

    The currents of later input vectors then cost one product. One factorisation and min(m, n) solves: the circuit is
    reciprocal, so either the inputs or the outputs may be driven.
    """
    conductance, _ = _checked(g, None)
    m, n = conductance.shape
    if r_word == 0 and r_bit == 0:
        return conductance.copy()
    if m <= n:
        return solve(conductance, np.eye(m), r_word=r_word, r_bit=r_bit).output
    # drive each bit-line end with 1 V, word lines grounded, and read the current into the word-line drivers
    turned = conductance.T[::-1, ::-1].copy()
    mirrored = solve(turned, np.eye(n), r_word=r_bit, r_bit=r_word).output
    return mirrored[::-1, ::-1].T.copy()


class _System:
    """The nodal matrix, factorised once."""

    def __init__(self, g: Float, r_word: float, r_bit: float) -> None:
        for name, r in (("r_word", r_word), ("r_bit", r_bit)):
            if not (np.isfinite(r) and r >= 0):
                raise DescriptionError("is out of range", where=name, value=r, limit=">= 0 ohm")
        self.g, self.shape = g, g.shape
        self.g_word = 1.0 / r_word if r_word > 0 else 0.0
        self.g_bit = 1.0 / r_bit if r_bit > 0 else 0.0
        m, n = g.shape
        cells = sparse.diags_array(g.ravel())
        word = sparse.kron(sparse.eye_array(m), _line(n, driven_first=True)) * self.g_word + cells
        bit = sparse.kron(_line(m, driven_first=False), sparse.eye_array(n)) * self.g_bit + cells
        if r_word > 0 and r_bit > 0:
            matrix: Any = sparse.block_array([[word, -cells], [-cells, bit]])
        else:
            matrix = word if r_word > 0 else bit
        self.factor: Any = None
        if r_word > 0 or r_bit > 0:
            options = {"SymmetricMode": True}
            self.factor = splu(
                matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
            )

    def source(self, v: Float) -> Float:
        """Right-hand side, ``[nodes, k]``."""
        (m, n), k = self.shape, v.shape[1]
        if self.g_word == 0:
            return (self.g[:, :, None] * v[:, None, :]).reshape(m * n, k)
        first = np.zeros((m, n, k))
        first[:, 0] = self.g_word * v
        out = first.reshape(m * n, k)
        return out if self.g_bit == 0 else np.concatenate([out, np.zeros_like(out)])

    def solve(self, right: Float) -> Float:
        return np.asarray(self.factor.solve(np.ascontiguousarray(right)), np.float64)

    def voltages(self, nodes: Float, v: Float) -> tuple[Float, Float]:
        """Word- and bit-line voltages ``[m, n, k]`` from the solved nodes."""
        (m, n), k = self.shape, v.shape[1]
        if self.g_word == 0:
            return _spread(v, n), nodes.reshape(m, n, k)
        if self.g_bit == 0:
            return nodes.reshape(m, n, k), np.zeros((m, n, k))
        return nodes[: m * n].reshape(m, n, k), nodes[m * n :].reshape(m, n, k)


def _line(length: int, *, driven_first: bool) -> Any:
    """Laplacian of a chain whose first (or last) node also hangs on a fixed voltage."""
    diagonal = np.full(length, 2.0)
    diagonal[-1 if driven_first else 0] = 1.0
    off = np.full(length - 1, -1.0)
    return sparse.diags_array([off, diagonal, off], offsets=[-1, 0, 1], shape=(length, length))


def _spread(v: Float, n: int) -> Float:
    return np.repeat(v[:, None, :], n, axis=1)


def _checked(g: ArrayLike, v: ArrayLike | None) -> tuple[Float, Float]:
    conductance = np.asarray(g, np.float64)
    if conductance.ndim != 2 or conductance.size == 0:
        raise ShapeError("conductances are a matrix [word lines, bit lines]", value=conductance.shape)
    if not (np.isfinite(conductance).all() and (conductance >= 0).all()):
        raise DescriptionError("a conductance is negative or not finite", limit=">= 0 S")
    voltage = np.zeros(len(conductance)) if v is None else np.asarray(v, np.float64)
    if voltage.ndim not in (1, 2) or len(voltage) != len(conductance):
        raise ShapeError(
            "one voltage a word line",
            value=voltage.shape,
            limit=f"[{len(conductance)}] or [{len(conductance)}, k]",
        )
    return conductance, voltage
