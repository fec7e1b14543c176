"""Triton kernels behind the operators."""
