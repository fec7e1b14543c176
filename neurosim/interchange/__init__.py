"""Networks to and from other tools.

`nir` reads and writes NIR files and graphs, `snntorch` and `spikingjelly` import trained modules, `brian2` runs a
network in Brian2. Each module is imported when it is needed; the tools themselves only inside functions.
"""

__all__ = ["brian2", "nir", "snntorch", "spikingjelly"]
