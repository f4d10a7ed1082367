"""First manifests for a repository without any: what ``okplug init`` finds and writes."""
