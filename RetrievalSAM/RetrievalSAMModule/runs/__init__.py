"""What goes on over time: runs, corrections, batches, reviews, and where results come from."""
