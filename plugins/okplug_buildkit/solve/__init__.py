"""One build on one daemon: what is asked for, what is told of it, and what became of it."""
