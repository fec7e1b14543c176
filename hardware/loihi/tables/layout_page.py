"""The layout of the tables in Markdown: ``python -m neurosim.hardware.loihi.tables.layout_page``."""

from __future__ import annotations

from neurosim.hardware.loihi.tables.layout import (
    CORE_TABLES,
    INPUT_TABLES,
    POPULATION_TABLES,
    TEXT_BYTES,
    Table,
)
from neurosim.hardware.loihi.tables.table_files import FILE, FORMAT, VERSION

__all__ = ["layout_page"]

_HEAD = f"""# The file of a Loihi build

Written by `python -m neurosim.hardware.loihi.tables.layout_page > docs/loihi_tables.md` from the lists that files are
written and checked by.

`hardware.compile(net, Loihi1()).save(folder)` puts the tables of all cores into one HDF5 file, `{FILE}`, in the layout
of a core's registers. It is all that the emulator reads, and all that a loader for a chip would need. Tables and fields
have the names of Intel's NxSDK, as nengo-loihi 1.1 hands them over (`hardware/builder.py`); `programs`,
`programNumbers`, `pieces`, `start`, and the fields `Dly` and `popType` are ours.

- **Before the HDF5** there are 512 bytes of text (HDF5's user block, which `h5dump`, `h5py` and MATLAB skip):
  `{FORMAT}`, `version {VERSION}`, and the SHA-256 of all that follows. A file that was changed or truncated is refused
  before anything of it is read; one of a newer version says so. After a change of your own,
  `neurosim.hardware.loihi.tables.table_files.seal(path)` renews the text.
- **Root**: attributes `format`, `version`, and `numerics`, the arithmetic of the chip (`lava`, `nengo-loihi` or
  `brian2-loihi`).
- **`/cores/NNNNN`**: the tables of core NNNNN. **`/populations/NNNNN`**: attribute `name`, table `pieces`.
  **`/inputs/NNNNN`**: attribute `name`, tables `start` and `axons`.
- A table is a vector of records; fields are little-endian and packed. Tables of more than 1024 rows are compressed with
  gzip. Text is ASCII of at most {TEXT_BYTES} bytes. Equal networks give equal files.
- `neurosim.hardware.loihi.tables.tables_json.tables_json(read_tables(folder))` has the same as JSON.

**Pointers count synapses**, not the 64-bit words of a core's memory (nengo-loihi's do too): `synapsePtr` is a row of
`synapses`. In memory each list begins on a word; blocks of up to `numSynapses + 1` synapses of one format follow each
other, each with 10 bits in front and rounded up to whole words.

**In a step** of a core u decays and takes in the arrivals of this step, v decays and takes in u and the bias, and where
v is above the threshold the neuron spikes and v is 0. A spike of step t on an axon with atom a reads the synapses from
`synapsePtr + a * synapseLen` on, and each arrives at compartment `cxBase + CIdx` in step t + 1 + `Dly`. Inputs from the
host do the same in the step in which they are given. Neurons of other programs compute as
`neurosim.hardware.loihi.numerics.programs` says; where a program of a core has two accumulators (resonators), `cxBase +
CIdx` is 2 * compartment + accumulator on that core.
"""


def layout_page() -> str:
    """The page."""
    groups = {
        "Tables of a core": CORE_TABLES,
        "Table of a population": POPULATION_TABLES,
        "Tables of an input": {"start": INPUT_TABLES["start"]},
    }
    parts = [_HEAD]
    for title, tables in groups.items():
        parts += [f"\n## {title}\n", *map(_section, tables.values())]
    parts.append("\n`axons` of an input has the fields of a core's.\n")
    return "".join(parts)


def _section(table: Table) -> str:
    intro = f"One row: {table.row}." if table.rows == 1 else f"A row: {table.row}."
    lines = ["| field | type | range | meaning |", "|---|---|---|---|"]
    for f in table.fields:
        kind = f.type.lstrip("<")
        limits = "text" if kind.startswith("S") else f"{f.low:,} to {f.high:,}"
        lines.append(f"| {f.name} | {_TYPES.get(kind, kind)} | {limits} | {f.meaning} |")
    return f"\n### {table.name}\n\n{intro}\n\n" + "\n".join(lines) + "\n"


_TYPES = {
    "u1": "uint8",
    "i1": "int8",
    "u2": "uint16",
    "i2": "int16",
    "u4": "uint32",
    "i4": "int32",
    "i8": "int64",
}


if __name__ == "__main__":
    print(layout_page(), end="")
