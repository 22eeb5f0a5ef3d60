"""What a run found out, how it is kept on disk, and found again for a correction."""
