"""Which slices of the library a slice of the target gets, and whether the library is like the target at all."""
