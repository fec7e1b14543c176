"""Ops: units of work compiled each for itself, and the loop that calls them."""
