"""The keys of an entry of a ``build`` section, and the form of each: what the reader goes by."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Form(Enum):
    """What may be written below a key; the value says it to people."""

    #: one text
    TEXT = "a string"
    #: one text, or several; none of them is empty
    TEXTS = "a string or a list of strings"
    #: the same, and a text may hold several with commas between
    COMMA_TEXTS = "a string, several with commas between, or a list of strings"
    #: a text of one line or many, in which no variables are expanded
    VERBATIM = "the text of a Dockerfile"
    #: ``NAME: value``, or items ``NAME=value`` of which a bare ``NAME`` stands for itself
    ARGUMENTS = "a map of arguments to values, or a list of NAME=value"
    #: ``NAME: value``, or items ``NAME=value`` of which a bare ``NAME`` has an empty value
    PAIRS = "a map of names to values, or a list of NAME=value"
    #: ``NAME: where``, or items ``NAME=where``
    CONTEXTS = "a map of names to contexts, or a list of NAME=context"
    #: ``host: address``, or items ``host:address`` or ``host=address``
    HOSTS = "a map of hosts to addresses, or a list of host:address"
    #: ``ID: path``, ``ID: {file: path}`` or ``ID: {env: NAME}``
    SECRETS = "a map of ids to secrets"
    #: one of ``NETWORKS``
    NETWORK = "none, host or default"
    #: true or false
    FLAG = "true or false"


NETWORKS: Final = ("none", "host", "default")

KEYS: Final = {
    "annotations": Form.PAIRS,
    "args": Form.ARGUMENTS,
    "cache_from": Form.TEXTS,
    "context": Form.TEXT,
    "contexts": Form.CONTEXTS,
    "depends_on": Form.TEXTS,
    "dockerfile": Form.TEXT,
    "dockerfile_inline": Form.VERBATIM,
    "export_cache": Form.TEXTS,
    "extra_hosts": Form.HOSTS,
    "image": Form.TEXT,
    "labels": Form.PAIRS,
    "network": Form.NETWORK,
    "platforms": Form.COMMA_TEXTS,
    "push": Form.FLAG,
    "secrets": Form.SECRETS,
    "ssh": Form.TEXTS,
    "tags": Form.COMMA_TEXTS,
    "target": Form.TEXT,
}

#: names that other tools have for a key; an entry has one of the two
ALIASES: Final = {"additional_contexts": "contexts"}

#: keys that exclude each other
EXCLUSIVE: Final = (("dockerfile", "dockerfile_inline"),)
