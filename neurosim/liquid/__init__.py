"""Reservoirs, liquid state machines. Empty in this version: a liquid is an ordinary `neurosim.Network` until then."""
