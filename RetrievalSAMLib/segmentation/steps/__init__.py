"""The steps of a run, each a function from the values of the steps before it to a value of its own."""
