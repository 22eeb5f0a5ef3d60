"""How volumes, segments and slices are shown to people: colours, digits, places."""
