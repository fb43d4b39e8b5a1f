"""C source against the model: comparison functions are proved to be the order that the model states."""
