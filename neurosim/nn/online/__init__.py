"""Learning rules whose memory does not grow with the number of steps."""

from neurosim.nn.online.eprop import EProp, Feedback
from neurosim.nn.online.ottt import OTTT

__all__ = ["OTTT", "EProp", "Feedback"]
