"""A memory of spiking neurons that learns, recalls in both directions and forgets, one operation at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neurosim.engine.lower import lower
from neurosim.engine.recording import Recording
from neurosim.engine.simulate import simulate
from neurosim.errors import DescriptionError
from neurosim.hardware.emulator import Device, Overflow
from neurosim.hardware.spinnaker.content_addressable_circuit import (
    DT,
    LEARN_STEPS,
    RECALL_STEPS,
    Operation,
    learning,
    memory_network,
    recalling,
    schedule,
)
from neurosim.network import Network

__all__ = ["ContentAddressableMemory"]

SPACING = 16
"""Steps a run takes here. At the highest rate (7 after learning, 6 after recalling) residues of STDP between
operations add up, and about one in ten recalls by content of random sequences is wrong; from 10 steps on, or 16 where
contents are replaced, none of 1800 was."""


class ContentAddressableMemory:
    """Stores a set of content lines under each cue, in the weights of `memory_network`.

    Operations are short runs that carry on where the last one ended, on the engine or on an emulated board::

        memory = ContentAddressableMemory(5, 10)
        memory.learn(0, [0, 1, 8, 9])
        memory.recall(cue=0)                # (0, 1, 8, 9)
        memory.recall(content=[9])          # (0,)
        memory.forget(0)
        memory.recall(cue=0)                # ()

    **Learning.** A core of SpiNNaker changes a weight when its presynaptic cell spikes, and then knows the last 15
    spikes of the postsynaptic one. If that one spiked more often before the weight is used, what was learnt would be
    lost. So learning ends with recalling the cue and each content line, which writes the weights; ``late`` events of
    later runs are spikes that change nothing.

    **Recalling by several lines** asks for one after the other. Asked at once, a cue that holds some of them fires with
    the others too, and after two such recalls holds them.

    **Forgetting.** The circuit unlearns a content only while the cue learns another one: without active content lines
    the spikes that would depress the way back from content to cue are not let through. The memory therefore has one
    content line more than its users see; forgetting is learning that line alone.

    Source: Casanueva-Morato et al., Neural Networks 178 (2024); the line for forgetting is ours.

    Attributes:
        cues, contents: lines of each.
        network: what runs, and what to compile for a board.
        recording: the last run of the last operation; None before the first.

    Args:
        device: the emulator of a build of `network` (`neurosim.hardware.load`); None: the engine.
        spacing: steps of a run, 7 at least.

    Raises:
        DescriptionError: a number of lines or a spacing that does not work, or a device that runs something else.
    """

    def __init__(
        self, cues: int = 5, contents: int = 10, *, device: Device | None = None, spacing: int = SPACING
    ) -> None:
        least = max(LEARN_STEPS, RECALL_STEPS + 1)  # the answer must be complete
        if not isinstance(spacing, (int, np.integer)) or spacing < least:
            raise DescriptionError(
                "operations are too close", where="ContentAddressableMemory.spacing", value=spacing,
                limit=f">= {least} steps",
            )  # fmt: skip
        self.network: Network = memory_network(cues, contents + 1)
        self.cues, self.contents = int(cues), int(contents)
        if device is not None:
            lines = {name: entry.shape for name, entry in device.manifest.inputs.items()}
            wanted = {"cue": (self.cues,), "content": (self.contents + 1,)}
            if lines != wanted:
                raise DescriptionError(
                    "is not a build of this memory's network", where="ContentAddressableMemory.device", value=lines,
                    limit=wanted, remedy="Compile the network of a memory with as many cues and contents",
                )  # fmt: skip
        self.recording: Recording | None = None
        self._blank = self.contents  # the content of a cue that was forgotten
        self._spacing, self._device = int(spacing), device
        self._plan = lower(self.network) if device is None else None
        self._state: Any = None

    def learn(self, cue: int, content: Iterable[int]) -> None:
        """Store content lines under a cue, in place of what it held.

        Raises:
            DescriptionError: lines the memory does not have, or no content at all.
        """
        lines = _lines("content", content, self.contents)
        if not lines:
            raise DescriptionError(
                "a content has at least one line", where="ContentAddressableMemory.learn", value=lines,
                remedy="Use forget(cue)",
            )  # fmt: skip
        line = self._cue(cue)
        self._run(learning(0, line, lines))
        self._run(recalling(0, cue=line))
        for i in lines:
            self._run(recalling(0, content=[i]))

    def forget(self, cue: int) -> None:
        """Empty a cue: neither does it recall anything, nor does any content recall it.

        Raises:
            DescriptionError: a cue the memory does not have.
        """
        self._run(learning(0, self._cue(cue), [self._blank]))

    def recall(self, *, cue: int | None = None, content: Iterable[int] | None = None) -> tuple[int, ...]:
        """The content of a cue, or the cues whose content shares at least one line with ``content``.

        Raises:
            DescriptionError: both or neither is given, or lines the memory does not have.
        """
        if (cue is None) == (content is None):
            raise DescriptionError(
                "recalls by one of cue and content", where="ContentAddressableMemory.recall", value=(cue, content)
            )  # fmt: skip
        if cue is not None:
            found = self._answer(recalling(0, cue=self._cue(cue)), "contOut") - {self._blank}
        else:
            lines = _lines("content", content or (), self.contents)
            found = set().union(*(self._answer(recalling(0, content=[i]), "cueOut") for i in lines))
        return tuple(sorted(found))

    def _answer(self, operation: Operation, output: str) -> set[int]:
        spikes = self._run(operation)[output].spikes
        assert spikes is not None  # outputs are recorded
        return set(spikes.neuron[spikes.step == RECALL_STEPS].tolist())

    def _cue(self, cue: int) -> int:
        return _lines("cue", [cue], self.cues)[0]

    def _run(self, operation: Operation) -> Recording:
        inputs = schedule([operation], self.cues, self.contents + 1, self._spacing)
        if self._device is None:
            assert self._plan is not None
            self.recording = simulate(self._plan, inputs, self._spacing * DT, state=self._state)
        else:
            self.recording = self._device.emulate(
                inputs, self._spacing * DT, overflow=Overflow.AS_CHIP, state=self._state
            )
        self._state = self.recording.final_state
        return self.recording


def _lines(what: str, lines: Iterable[int], number: int) -> tuple[int, ...]:
    """Lines in order, each once."""
    chosen = tuple(lines)
    wrong = [i for i in chosen if not isinstance(i, (int, np.integer)) or not 0 <= i < number]
    if wrong:
        raise DescriptionError(
            f"no such {what} line", where="ContentAddressableMemory", value=wrong[0], limit=f"0 to {number - 1}"
        )  # fmt: skip
    return tuple(sorted({int(i) for i in chosen}))
