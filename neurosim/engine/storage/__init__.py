"""What a run leaves, in memory and in files."""
