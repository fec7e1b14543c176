"""The training loop and its parts; each is a plain function for use in a loop of your own."""
