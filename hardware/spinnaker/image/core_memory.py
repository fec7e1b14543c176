"""What a core needs of the two memories: its own 64 KiB of data memory (DTCM), and the SDRAM that its chip shares.

Programs allocate data memory when they start, and stop if there is not enough; nothing on the host checks it. SDRAM is
what the host reserves, region by region.
"""

from __future__ import annotations

from collections.abc import Iterable

from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits

__all__ = ["SPIKE_QUEUE", "dtcm_bytes", "dtcm_terms", "host_regions"]

_STATE_WORDS = 17
_ROW_HEADER = 3
_ROW_BUFFERS = 2
SPIKE_QUEUE = 256
"""Packets that wait for a core at most."""
_PROGRAM = 8192


def dtcm_terms(
    atoms: int, delay_bits: int, table_words: int, row_words: int, history: int = 0, rule_words: int = 0
) -> dict[str, int]:
    """Data memory of a core with neurons, in bytes by purpose.

    Args:
        atoms: neurons of a full core, also on a smaller last one.
        delay_bits: bits of a ring-buffer slot.
        table_words: words of the population table. row_words: data words of the longest row.
        history: bytes of the last spikes of a neuron that learns. rule_words: of the plasticity region.
    """
    return {
        # sPyNNaker neuron/synapses.c: 16-bit cells; one receptor bit
        "ring buffers": 2 << (index_bits(atoms) + 1 + delay_bits),
        # states as in numerics.derived_constants; 17 words are those of IF_cond_exp, the largest. Key: neuron.c
        "neuron state": 4 * _STATE_WORDS * atoms,
        "neuron keys": 4 * atoms,
        # neuron/population_table: entries and addresses are copied from SDRAM
        "population table": 4 * table_words,
        # neuron/spike_processing.c: one row is read while the other is worked on
        "row buffers": 4 * _ROW_BUFFERS * (row_words + _ROW_HEADER),
        "spike queue": 4 * SPIKE_QUEUE,
        # neuron/plasticity/stdp/post_events.h
        "spike history": history * atoms,
        "plasticity rule": 4 * rule_words,
        # static data (2668 bytes: heap base in the header of IF_curr_exp.aplx), stacks and system buffers; a reserve
        "program": _PROGRAM,
    }


def dtcm_bytes(
    atoms: int, delay_bits: int, table_words: int, row_words: int, history: int = 0, rule_words: int = 0
) -> int:
    """The sum of `dtcm_terms`."""
    return sum(dtcm_terms(atoms, delay_bits, table_words, row_words, history, rule_words).values())


def host_regions(
    neurons: int,
    state_words: int,
    table_words: int,
    row_bytes: int,
    sources: Iterable[tuple[int, int]] = (),
    rule_words: int = 0,
) -> dict[int, int]:
    """Bytes of SDRAM that sPyNNaker reserves for a core of neurons whose synapses the host makes, by region.

    Without the neuron builder (region 13, about 600 bytes, more if parameters differ between neurons) and the buffers
    of recordings, which get what is left of the chip.

    Args:
        neurons: on this core. state_words: parameter words of a neuron.
        table_words: of the population table. rule_words: of the plasticity region.
        row_bytes: of all synaptic rows, with those of neurons that full source cores would have.
        sources: size and delay stages (0: no extension) of each source population.
    """
    sources = list(sources)
    state = 4 + 4 * neurons * state_words
    filters = sum(2 * 16 + 4 * (-(-size // 32) - (-size * stages // 32)) for size, stages in sources)
    return {
        0: 12,
        1: 4 * (7 + neurons),
        2: state,
        3: 4,  # current sources: none
        4: 36,
        5: 4 * table_words,
        6: row_bytes + 16,
        **({7: 4 * rule_words} if rule_words else {}),
        9: 52 + 8 * neurons,
        10: 112,
        11: 4,
        12: 92 + 4 * sum(1 + (stages > 0) for _, stages in sources),
        14: 8 + filters,  # bit_field_utilities.py
        15: 76,
        16: state,
    }
