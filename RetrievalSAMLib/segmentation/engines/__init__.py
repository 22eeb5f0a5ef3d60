"""What a run asks of a network with a memory, whichever it is, and memory attention over fewer tokens."""
