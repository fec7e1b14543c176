"""Plastic synapses at work."""
