"""What the daemon asks of us in a session beside files: credentials, secrets, agents, blobs.

Each module has ``handlers(...)``, which returns method path -> handler. What goes wrong on this
side is an ``OkplugError``, which the session keeps; the daemon only learns that there was one.
"""
