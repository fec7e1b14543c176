"""Passes that targets share, each a function from one plain data structure to the next."""

from neurosim.hardware.compiler.compile import compile_network

__all__ = ["compile_network"]
