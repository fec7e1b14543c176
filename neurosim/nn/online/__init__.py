"""Learning rules whose memory does not grow with the number of steps."""
