"""As much of HTTP/2 as a server needs whose one client is a build daemon, RFC 9113.

It works on any pair of byte streams: bytes are fed to a ``Connection`` and taken from it.
"""
