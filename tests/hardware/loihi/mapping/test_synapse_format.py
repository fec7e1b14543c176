from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.mapping.synapse_format import (
    COMPRESSION_DENSE,
    SynapseFormat,
    index_fields,
    weight_field,
)
from neurosim.hardware.loihi.numerics.weights import SignMode


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
    assert index_fields(np.array([0, 1, 63, 64, 1023, 4095, 4096])).tolist() == [0, 1, 1, 2, 5, 7, 8]


def test_weight_fields_have_a_bit_for_the_sign_of_mixed_weights():
    """Bits of weights 1 to 8 from an exponent on: widths 0 to 6 and 8, so that 7 takes 8 and 9 does not fit."""
    low, high = np.zeros(9, np.int64), np.arange(9)
    fields = weight_field(np.full(9, SignMode.EXCITATORY), low, high)
    assert fields.tolist() == [1, 2, 3, 4, 5, 6, 7, 7, 8]
    assert weight_field(np.full(9, SignMode.MIXED), low, high).tolist() == [*fields[1:].tolist(), 8]
