"""Dockerfiles: reading them, and what building a target comes to.

These are the public names. Those that few need are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug.dockerfile.buildargs import BuildArguments
    from okplug.dockerfile.canonical import instruction_text
    from okplug.dockerfile.environment import Environment
    from okplug.dockerfile.globs import compile_glob, crosses_folders, is_glob
    from okplug.dockerfile.heredocs import announced_heredoc
    from okplug.dockerfile.ignore import Matcher, read_patterns
    from okplug.dockerfile.malformed import MalformedError, locate
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
    from okplug.dockerfile.sources import context_path, is_remote
    from okplug.dockerfile.stagegraph import StageGraph, Step, find_target
    from okplug.dockerfile.stages import resolve
    from okplug.dockerfile.unknownreads import refuse_unknown_reads, unknown_bases
    from okplug.dockerfile.variables import (
        BadSubstitutionError,
        expand,
        expand_body,
        split_words,
    )

_HOME = {
    "buildargs": ("BuildArguments",),
    "canonical": ("instruction_text",),
    "environment": ("Environment",),
    "globs": ("compile_glob", "crosses_folders", "is_glob"),
    "heredocs": ("announced_heredoc",),
    "ignore": ("Matcher", "read_patterns"),
    "malformed": ("MalformedError", "locate"),
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
    "sources": ("context_path", "is_remote"),
    "stagegraph": ("StageGraph", "Step", "find_target"),
    "stages": ("resolve",),
    "unknownreads": ("refuse_unknown_reads", "unknown_bases"),
    "variables": ("BadSubstitutionError", "expand", "expand_body", "split_words"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BadSubstitutionError",
    "BuildArguments",
    "ContextRead",
    "Dockerfile",
    "Environment",
    "Flag",
    "Heredoc",
    "ImageUse",
    "Inherited",
    "Instruction",
    "MalformedError",
    "Matcher",
    "Resolution",
    "Stage",
    "StageGraph",
    "Step",
    "announced_heredoc",
    "compile_glob",
    "context_path",
    "crosses_folders",
    "expand",
    "expand_body",
    "find_target",
    "instruction_text",
    "is_glob",
    "is_remote",
    "locate",
    "parse",
    "read_patterns",
    "refuse_unknown_reads",
    "resolve",
    "split_words",
    "unknown_bases",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'okplug.dockerfile' has no attribute {name!r}")
    return getattr(import_module(f"okplug.dockerfile.{_MODULE_OF[name]}"), name)
