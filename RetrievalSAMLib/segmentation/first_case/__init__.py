"""A first case without a library: a few drawn slices are carried through the whole volume by SAM 2's memory."""
