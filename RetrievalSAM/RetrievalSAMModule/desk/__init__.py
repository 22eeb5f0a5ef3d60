"""The desk: drawing a first case, correcting, keeping, teaching."""
