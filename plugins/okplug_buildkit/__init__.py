"""BuildKit over its own gRPC API: the builder that users run.

It needs no docker, buildctl or buildx. ``connect`` reaches a daemon, ``session`` serves what the
daemon asks of us while it builds, ``solve`` says what is to be built and what became of it.
"""
