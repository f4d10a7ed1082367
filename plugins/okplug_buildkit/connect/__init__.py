"""Ways to a daemon: what an address means, and the gRPC channel that leads there.

A channel leads to the daemon itself (``tcp://``, ``unix://``) or to a private socket of this
process (``relay``), which is joined to the daemon by a child process (``childcommands``) or
through the API of a Docker engine (``engine``).
"""
