"""The messages of BuildKit's API.

Each ``.proto`` file is our own account of one service; the modules ``*_pb2`` are generated from
them (``tests/protos.py``) and loaded when used.
"""
