"""Training on several processes, each on its share of every batch, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from neurosim.processors import processors

__all__ = ["Ranks", "data_parallel", "ranks"]


@dataclass(frozen=True)
class Ranks:
    """The processes that train together, and which one this is."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    @torch.no_grad()
    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes, in one message a type."""
        if self.world == 1:
            return
        for dtype in sorted({t.dtype for t in tensors}, key=str):
            mine = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.reshape(-1) for t in mine])
            dist.all_reduce(flat)
            for tensor, part in zip(mine, flat.split([t.numel() for t in mine]), strict=True):
                tensor.copy_(part.view_as(tensor))

    @torch.no_grad()
    def same_start(self, module: torch.nn.Module) -> None:
        """Give every process the parameters and buffers of the first."""
        if self.world > 1:
            for tensor in (*module.parameters(), *module.buffers()):
                dist.broadcast(tensor.detach(), 0)


def ranks() -> Ranks:
    """Those of PyTorch's process group, or one process alone."""
    if dist.is_available() and dist.is_initialized():
        return Ranks(dist.get_rank(), dist.get_world_size())
    return Ranks()


@contextmanager
def data_parallel(backend: str | None = None) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started; without it, one process alone.

    Inside, `neurosim.nn.fit` trains on all of them: each takes its share of every batch, gradients are averaged, the
    first process writes. Cores are divided among the processes of a machine, unless $NEUROSIM_THREADS says otherwise.

    Args:
        backend: of ``torch.distributed``; default: nccl if there is a GPU for each process of the machine, else gloo.
    """
    if "RANK" not in os.environ or ranks().world > 1:
        yield ranks()
        return
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if backend is None:
        backend = "nccl" if torch.cuda.device_count() >= local else "gloo"
    if backend == "nccl":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    given = os.environ.get("NEUROSIM_THREADS")
    if given is None:
        os.environ["NEUROSIM_THREADS"] = str(max(1, processors() // local))
    dist.init_process_group(backend)
    try:
        yield ranks()
        dist.barrier()  # a process that leaves first takes connections that others still wait on
    finally:
        dist.destroy_process_group()
        if given is None:
            del os.environ["NEUROSIM_THREADS"]
