"""Where images go beside the registry: Docker engines, archives and folders of this machine."""
