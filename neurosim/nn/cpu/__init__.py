"""Numba kernels behind the operators."""
