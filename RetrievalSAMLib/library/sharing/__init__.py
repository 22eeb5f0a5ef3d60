"""A library as one file, to give to others and to take from them."""
