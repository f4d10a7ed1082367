"""The plain reporter: what ``okplug build`` prints to standard error, in the shape of pytest's."""
