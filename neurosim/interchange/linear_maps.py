"""Linear layers between populations, composed: what stands between two neurons becomes one list of synapses.

Other tools put several linear nodes in a row (pooling, convolution, flattening, scaling). A `LinearMap` is their
product, y = A x, kept as structured as it can be: a diagonal, a dense matrix, one convolution, or a sparse matrix.
Signals are flat vectors in C order of their shape; a flattening is therefore the identity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from neurosim.connectivity import AllToAll, Convolution2d, OneToOne, Rule, Sparse
from neurosim.errors import ShapeError, UnsupportedError

__all__ = ["Kernel", "LinearMap", "compose", "convolution", "dense", "diagonal", "identity", "pooling"]

Array = NDArray[Any]
Shape = tuple[int, ...]
_LIMIT = 200_000_000
"""Entries that a composed map may hold."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A plain convolution: weights [out, in, height, width], one stride and one zero padding for both axes."""

    weights: Array
    stride: int
    padding: int


@dataclass(frozen=True, eq=False)
class LinearMap:
    """y = A x from a signal of shape ``pre`` to one of shape ``post``.

    ``content`` is a vector (the diagonal), a dense matrix [n_post, n_pre], a `Kernel`, or a SciPy sparse array.
    """

    pre: Shape
    post: Shape
    content: Any

    def matrix(self) -> Any:
        """A as a SciPy CSR array [n_post, n_pre]."""
        if isinstance(self.content, Kernel):
            k = self.content
            return _taps(k.weights, self.pre, self.post, (k.stride,) * 2, (k.padding,) * 2, (1, 1), 1)
        if isinstance(self.content, np.ndarray) and self.content.ndim == 1:
            return sparse.diags_array(self.content).tocsr()
        return sparse.csr_array(self.content)

    def __call__(self, x: ArrayLike) -> Array:
        """A x for a flat x."""
        vector = np.asarray(x, np.float64).reshape(-1)
        if isinstance(self.content, np.ndarray):
            return (
                self.content * vector if self.content.ndim == 1 else self.content.astype(np.float64) @ vector
            )
        return np.asarray(self.matrix() @ vector)

    def scaled(self, gain: float | Array) -> LinearMap:
        """Every row multiplied by the gain of its target."""
        factor = np.asarray(gain, np.float64).reshape(-1)
        if (factor == 1.0).all():
            return self
        content = self.content
        if isinstance(content, Kernel):
            channels = np.broadcast_to(factor, (math.prod(self.post),)).reshape(self.post[0], -1)
            if (channels == channels[:, :1]).all():
                weights = content.weights * channels[:, 0, None, None, None]
                return LinearMap(self.pre, self.post, Kernel(weights, content.stride, content.padding))
            content = self.matrix()
        if isinstance(content, np.ndarray):
            rows = factor if content.ndim == 1 or factor.size == 1 else factor[:, None]
            return LinearMap(self.pre, self.post, content * rows)
        rows = np.broadcast_to(factor, (content.shape[0],))
        return LinearMap(self.pre, self.post, (sparse.diags_array(rows) @ content).tocsr())

    def synapses(self) -> tuple[Rule, Any]:
        """The connection rule and the weights in the order that the rule asks for."""
        content = self.content
        if isinstance(content, Kernel):
            return Convolution2d(content.weights, stride=content.stride, padding=content.padding), 1.0
        if isinstance(content, np.ndarray) and content.ndim == 1:
            return OneToOne(), content
        if isinstance(content, np.ndarray):
            return AllToAll(), np.ascontiguousarray(content.T)
        listed = content.tocoo()
        order = np.lexsort((listed.row, listed.col))
        return Sparse(listed.col[order], listed.row[order]), listed.data[order]


def identity(shape: Shape) -> LinearMap:
    """y = x."""
    return diagonal(1.0, shape)


def diagonal(scale: ArrayLike, shape: Shape) -> LinearMap:
    """y = s x, element by element."""
    flat = np.broadcast_to(np.asarray(scale), shape).reshape(-1)
    return LinearMap(shape, shape, _float(flat))


def dense(weight: ArrayLike, pre: Shape | None = None) -> LinearMap:
    """y = W x with W [n_out, n_in], on a signal of n_in elements."""
    w = _float(weight)
    if w.ndim != 2:
        raise UnsupportedError("a weight with batch axes", value=w.shape, limit="[out, in]")
    shape = pre or (w.shape[1],)
    if math.prod(shape) != w.shape[1]:
        raise ShapeError("a matrix does not fit its input", value=w.shape, limit=f"[out, {math.prod(shape)}]")
    return LinearMap(shape, (w.shape[0],), w)


def convolution(
    weight: ArrayLike,
    pre: Shape,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> LinearMap:
    """A 1-D or 2-D convolution in PyTorch's convention: weight [out, in/groups, (height,) width]."""
    w = _float(weight)
    axes = w.ndim - 2
    if axes not in (1, 2) or len(pre) != axes + 1:
        raise ShapeError("a convolution does not fit its input", value=pre, limit=f"{w.ndim - 1} axes")
    if axes == 1:
        s, d = _pair(stride, 1), _pair(dilation, 1)
        p = padding if isinstance(padding, str) else _pair(padding, 1)
        flat = convolution(
            w[:, :, None, :],
            (pre[0], 1, pre[1]),
            stride=(1, *s),
            padding=p if isinstance(p, str) else (0, *p),
            dilation=(1, *d),
            groups=groups,
        )
        return LinearMap(pre, (flat.post[0], flat.post[2]), flat.matrix())
    s, d = _pair(stride, 2), _pair(dilation, 2)
    least = min(*s, *d, groups, *(() if isinstance(padding, str) else (n + 1 for n in _pair(padding, 2))))
    if least < 1:
        raise ShapeError("stride, dilation, groups or padding is out of range", value=(s, d, groups, padding))
    if pre[0] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError("channels do not fit the kernel", value=pre, limit=f"({w.shape[1] * groups}, H, W)")
    extra = [d[a] * (w.shape[2 + a] - 1) for a in range(2)]
    named = padding if isinstance(padding, str) else None
    if named == "same":
        if s != (1, 1):
            raise UnsupportedError("padding 'same' needs a stride of one", value=s)
        before: Shape = (extra[0] // 2, extra[1] // 2)
        size = pre[1:]
        even = all(e % 2 == 0 for e in extra)
    else:
        before = (0, 0) if named == "valid" else _pair(padding, 2)
        size = tuple((pre[1 + a] + 2 * before[a] - extra[a] - 1) // s[a] + 1 for a in range(2))
        even = True
    if min(size) < 1:
        raise ShapeError("a kernel is larger than its input", value=pre, limit=w.shape)
    post = (w.shape[0], *size)
    if groups == 1 and d == (1, 1) and s[0] == s[1] and before[0] == before[1] and even:
        return LinearMap(pre, post, Kernel(w, s[0], before[0]))
    return LinearMap(pre, post, _taps(w, pre, post, s, before, d, groups))


def pooling(pre: Shape, kernel: Any, stride: Any, padding: Any, *, average: bool) -> LinearMap:
    """Sum or average over windows [height, width] of each channel (padding counts in the average)."""
    if len(pre) != 3:
        raise ShapeError("pooling needs (channels, height, width)", value=pre)
    k = _pair(kernel, 2)
    value = 1.0 / math.prod(k) if average else 1.0
    window = np.full((pre[0], 1, *k), value)
    made = convolution(window, pre, stride=stride, padding=padding, groups=pre[0])
    return LinearMap(pre, made.post, made.matrix())


def compose(first: LinearMap, then: LinearMap) -> LinearMap:
    """``then`` after ``first``."""
    if math.prod(first.post) != math.prod(then.pre):
        raise ShapeError("signals do not fit", value=first.post, limit=then.pre)
    a, b = first.content, then.content
    pre, post = first.pre, then.post
    if _is_identity(a):
        if isinstance(b, Kernel) and pre != then.pre:
            b = then.matrix()
        return LinearMap(pre, post, b)
    if _is_identity(b) and not (isinstance(a, Kernel) and post != first.post):
        return LinearMap(pre, post, a)
    both = isinstance(a, np.ndarray), isinstance(b, np.ndarray)
    if both == (True, True):
        if b.ndim == 1:
            content = b * a if a.ndim == 1 else b[:, None] * a
        else:
            content = b * a if a.ndim == 1 else b @ a
        return LinearMap(pre, post, content)
    if isinstance(a, Kernel) and both[1] and b.ndim == 1 and first.post == post:
        return first.scaled(b)
    if (both[0] and a.ndim == 2) or (both[1] and b.ndim == 2):
        product = then.matrix() @ a if both[0] else b @ first.matrix()
        return LinearMap(pre, post, np.asarray(product))
    product = (then.matrix() @ first.matrix()).tocsr()
    if product.nnz > _LIMIT:
        raise UnsupportedError(
            "linear layers in a row make too many synapses", value=product.nnz, limit=_LIMIT
        )
    return LinearMap(pre, post, product)


def _is_identity(content: Any) -> bool:
    return isinstance(content, np.ndarray) and content.ndim == 1 and bool((content == 1.0).all())


def _float(values: ArrayLike) -> Array:
    array = np.asarray(values)
    return np.array(array, np.float32 if array.dtype == np.float32 else np.float64)


def _pair(value: Any, n: int) -> tuple[int, ...]:
    values = [int(v) for v in np.asarray(value).reshape(-1)]
    if len(values) not in (1, n):
        raise ShapeError("a convolution's option has the wrong length", value=values, limit=n)
    return tuple(values * n) if len(values) == 1 else tuple(values)


def _taps(
    w: Array,
    pre: Shape,
    post: Shape,
    stride: Shape,
    before: Shape,
    dilation: Shape,
    groups: int,
) -> Any:
    """The matrix of a convolution; one block of entries for every tap of the kernel."""
    out, per_group, height, width = w.shape
    if out * per_group * height * width * math.prod(post[1:]) > _LIMIT:
        raise UnsupportedError("a convolution has too many synapses", value=(w.shape, post), limit=_LIMIT)
    o, i, y, x = np.ix_(range(out), range(per_group), range(post[1]), range(post[2]))
    channel = (o // (out // groups)) * per_group + i
    rows, cols, values = [], [], []
    for dy in range(height):
        for dx in range(width):
            row = y * stride[0] + dy * dilation[0] - before[0]
            col = x * stride[1] + dx * dilation[1] - before[1]
            inside = np.broadcast_to(
                (row >= 0) & (row < pre[1]) & (col >= 0) & (col < pre[2]), (out, per_group, *post[1:])
            )
            source = np.broadcast_to((channel * pre[1] + row) * pre[2] + col, inside.shape)
            target = np.broadcast_to((o * post[1] + y) * post[2] + x, inside.shape)
            rows.append(target[inside])
            cols.append(source[inside])
            values.append(np.broadcast_to(w[:, :, dy, dx, None, None], inside.shape)[inside])
    shape = (math.prod(post), math.prod(pre))
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(cols)))
    return sparse.coo_array(entries, shape=shape).tocsr()
