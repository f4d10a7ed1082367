"""``okplug builder``: the daemons that build, seen from outside."""
