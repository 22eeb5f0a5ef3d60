"""From the slices of a run to one segmentation and its report."""
