"""Docker engines that keep images by graph drivers, and not in containerd.

The BuildKit of such an engine pushes no image and hands none out; it can only leave what it builds
in the engine, and start from what is there. So this side fetches the result by the engine's API
and stores it in the registry, and brings dependencies the other way.
"""
