"""Continual learning. Empty in this version."""
