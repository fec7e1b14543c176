from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.mapping.synapse_format import COMPRESSION_DENSE, SynapseFormat, index_field


@pytest.mark.reference("loihi/nl_bits_per_axon*.npz")
def test_memory_matches_nengo_loihi(reference_file):
    with np.load(reference_file) as f:
        columns = {str(name): f["table"][:, i] for i, name in enumerate(f["cols"])}
    for i, expected in enumerate(columns["bits"]):
        row = {name: int(values[i]) for name, values in columns.items()}
        fmt = SynapseFormat(
            compression=row["compression"],
            index_bits=row["idx_bits"],
            weight_bits=row["weight_bits"],
            delay_bits=row["delay_bits"],
            tag_bits=row["tag_bits"],
            block=row["n_synapses"],
        )
        assert fmt.bits(row["n_weights"]) == expected, row


def test_published_sizes_of_dense_rows():
    fmt = SynapseFormat(compression=COMPRESSION_DENSE)
    assert fmt.bits([0, 64, 1024]).tolist() == [0, 576, 9216]
    assert 1048576 // 9216 == 113


def test_index_fields():
    assert [index_field(n) for n in (0, 1, 63, 64, 1023, 4095)] == [0, 1, 1, 2, 5, 7]
    with pytest.raises(CapacityError, match="4095"):
        index_field(4096)
