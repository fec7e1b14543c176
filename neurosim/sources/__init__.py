"""What drives a network from outside: sources of spikes for inputs, and drives that act on a population itself."""

from neurosim.sources.drive import Drive
from neurosim.sources.source import Source

__all__ = ["Drive", "Source"]
