"""A small network of its own for every library, believed as far as it is proven on cases that it has not seen."""
