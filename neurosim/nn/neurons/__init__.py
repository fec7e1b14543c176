"""Layers of neurons."""
