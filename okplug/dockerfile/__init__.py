"""Dockerfiles: reading them, and what building a target comes to.

These are the public names. Those that few need are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug.dockerfile.canonical import instruction_text
    from okplug.dockerfile.ignore import Matcher, read_patterns
    from okplug.dockerfile.model import (
        ContextRead,
        Dockerfile,
        Flag,
        Heredoc,
        ImageUse,
        Inherited,
        Instruction,
        Resolution,
        Stage,
    )
    from okplug.dockerfile.parser import parse
    from okplug.dockerfile.stages import resolve
    from okplug.dockerfile.variables import (
        BadSubstitutionError,
        expand,
        expand_body,
        split_words,
    )

_HOME = {
    "canonical": ("instruction_text",),
    "ignore": ("Matcher", "read_patterns"),
    "model": (
        "ContextRead",
        "Dockerfile",
        "Flag",
        "Heredoc",
        "ImageUse",
        "Inherited",
        "Instruction",
        "Resolution",
        "Stage",
    ),
    "parser": ("parse",),
    "stages": ("resolve",),
    "variables": ("BadSubstitutionError", "expand", "expand_body", "split_words"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BadSubstitutionError",
    "ContextRead",
    "Dockerfile",
    "Flag",
    "Heredoc",
    "ImageUse",
    "Inherited",
    "Instruction",
    "Matcher",
    "Resolution",
    "Stage",
    "expand",
    "expand_body",
    "instruction_text",
    "parse",
    "read_patterns",
    "resolve",
    "split_words",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'okplug.dockerfile' has no attribute {name!r}")
    return getattr(import_module(f"okplug.dockerfile.{_MODULE_OF[name]}"), name)
