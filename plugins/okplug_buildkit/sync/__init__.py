"""Files in both directions: the folders that a build reads, and what it exports.

``sender`` serves ``trees`` as far as a call's ``filters`` ask for them; ``receiver`` hands what the
daemon exports to ``archives`` and ``exports``.
"""
