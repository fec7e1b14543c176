"""A memory of spiking neurons on an emulated SpiNNaker board learns, recalls both ways, and forgets."""

from neurosim import hardware
from neurosim.hardware.spinnaker import ContentAddressableMemory

WORLD = {0: (0, 1, 8, 9), 1: (1, 5, 6), 2: (4, 5, 6)}
"""Cue -> content, as lines: places and what is seen there, say."""


def main() -> bool:
    network = ContentAddressableMemory(cues=5, contents=10).network
    build = hardware.compile(network, hardware.SpiNNaker())
    build.save("memory")  # routing tables, the words of every core, and a PyNN script
    memory = ContentAddressableMemory(cues=5, contents=10, device=hardware.load("memory"))

    for cue, content in WORLD.items():
        memory.learn(cue, content)
    print("cue 1 holds", memory.recall(cue=1))
    print("6 is in the contents of", memory.recall(content=[6]))
    right = memory.recall(cue=1) == WORLD[1] and memory.recall(content=[6]) == (1, 2)

    memory.forget(1)
    memory.learn(2, [3])
    print("after forgetting 1 and learning another 2, 6 is in", memory.recall(content=[6]))
    return right and memory.recall(content=[6]) == memory.recall(cue=1) == () and memory.recall(cue=2) == (3,)


if __name__ == "__main__":
    main()
