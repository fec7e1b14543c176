"""NIR, the Neuromorphic Intermediate Representation (Pedersen et al., Nat. Commun. 15, 8122, 2024), both ways.

`read_nir` and `write_nir` are for files, `from_nir` and `to_nir` for graphs of the ``nir`` package. A file written here
loses nothing when it is read here; graphs and plain files come with a `LossReport`. What NIR leaves open (time step,
integration, reset) is stated by a `Dialect`.
"""

from neurosim.interchange.nir_dialects import DIALECTS, Dialect
from neurosim.interchange.nir_read import from_nir, read_nir
from neurosim.interchange.nir_write import NirContent, to_nir, write_nir

__all__ = ["DIALECTS", "Dialect", "NirContent", "from_nir", "read_nir", "to_nir", "write_nir"]
