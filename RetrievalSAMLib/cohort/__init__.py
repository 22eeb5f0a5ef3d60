"""Many volumes, one library: found, shared out to processes by Dask, kept as they are finished, shown worst first."""
