"""The settings that okplug itself knows; plugins add theirs with ``parser.add_setting``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.platforms import host_platform, normalize_platform
from okplug.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

#: what a manifest is called, in the order in which okteto looks for one in a folder
MANIFEST_NAMES = tuple(
    f"{folder}{stem}.{suffix}"
    for folders, stems in (
        (("", ".okteto/"), ("okteto",)),
        (("", ".okteto/"), ("okteto-pipeline", "okteto-pipelines")),
        (("", ".okteto/"), ("okteto-stack", "stack")),
        (("", ".okteto/"), ("okteto-compose",)),
        (("",), ("compose",)),
        (("", ".okteto/"), ("docker-compose",)),
    )
    for folder in folders
    for stem in stems
    for suffix in ("yml", "yaml")
)

#: the value of ``progress`` that leaves standard error to events as lines of JSON
RAWJSON = "rawjson"
_PROGRESS = ("auto", "plain", "tty", "quiet", RAWJSON)

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


def core_settings(environ: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return the core's settings, with the defaults that fit the user and the machine."""
    return (
        Setting(
            "registry",
            "text",
            f"layout:{user_cache(environ) / 'registry'}",
            "the registry for all images: a host, or layout:FOLDER for OCI layouts in a folder",
            options=("--registry",),
        ),
        Setting(
            "context",
            "text",
            "",
            "which of your contexts to use: a set of settings in your contexts.toml",
            environ=("OKTETO_CONTEXT", "OKTETO_URL"),
            options=("-c", "--context"),
            convert=context_name,
        ),
        Setting(
            "namespace",
            "text",
            default_namespace(environ),
            "the namespace of your own tags; by default your user name",
            environ=("OKTETO_NAMESPACE",),
            options=("-n", "--namespace"),
            convert=check_namespace,
        ),
        Setting(
            "global_namespace",
            "text",
            "okteto",
            "the namespace of the tags that all users share, where keys are looked up",
            convert=check_namespace,
        ),
        Setting(
            "builder",
            "words",
            ("auto",),
            "what builds: auto, embedded, or the addresses of BuildKit daemons",
            options=("--builder",),
        ),
        Setting(
            "jobs",
            "number",
            0,
            "how many images build at once; 0 leaves it to the builder",
            options=("-j", "--jobs"),
        ),
        Setting(
            "smart_builds",
            "flag",
            default=True,
            help="reuse an image whose key the registry has; false builds all that is selected",
            environ=("OKTETO_SMART_BUILDS_ENABLED",),
        ),
        Setting(
            "platform",
            "text",
            host_platform(os.uname().machine),
            "the platform of images whose manifest names none; by default this machine's",
            environ=("DOCKER_DEFAULT_PLATFORM",),
            convert=normalize_platform,
        ),
        *_fixed_settings(),
    )


def _fixed_settings() -> tuple[Setting, ...]:
    """Return the settings whose defaults are the same everywhere."""
    return (
        Setting("manifests", "words", MANIFEST_NAMES, "paths of manifests below any folder"),
        Setting("exclude", "words", (), "patterns of folders in which no manifest is looked for"),
        Setting(
            "names",
            "text",
            "{name}",
            "the repository of an image within its namespace, made of {name} and {folder}",
        ),
        Setting(
            "track_bases",
            "flag",
            default=False,
            help="build anew what starts from an image from elsewhere whose tag has moved since",
            options=("--pull",),
        ),
        Setting(
            "verify_hits",
            "flag",
            default=True,
            help="hold the sha256 root of an image in the registry against the content",
        ),
        Setting(
            "parallel_lookups",
            "flag",
            default=True,
            help="ask the registry for many keys at the same time; false asks for one by one",
            environ=("OKTETO_BUILD_CHECK_STRATEGY_PARALLEL",),
        ),
        Setting(
            "publish_records",
            "flag",
            default=True,
            help="keep what each image is made of beside it in the registry, for okplug why",
        ),
        Setting(
            "progress",
            "text",
            "auto",
            "how builds are shown: auto, plain, tty, quiet or rawjson",
            environ=("BUILDKIT_PROGRESS",),
            options=("--progress",),
            convert=check_progress,
        ),
        Setting("plugins", "words", (), "plugins to load, or no:NAME to leave one out, as with -p"),
        Setting(
            "docker_config",
            "text",
            "",
            "the folder whose config.json has your credentials of registries",
            environ=("DOCKER_CONFIG",),
        ),
        Setting(
            "admin_variables",
            "flag",
            default=True,
            help="read the variables that administrators keep in the registry",
        ),
        Setting(
            "admin_ttl",
            "number",
            300,
            "for how many seconds those of a registry elsewhere count before it is asked again",
        ),
    )


def default_namespace(environ: Mapping[str, str]) -> str:
    """Return the user's name as a repository component."""
    name = environ.get("USER") or environ.get("LOGNAME") or _account("pw_name") or "user"
    name = re.sub(r"[^a-z0-9._-]+", "-", name.lower())
    name = re.sub(r"([._-])[._-]+", r"\1", name).strip("._-")
    return name or "user"


def check_namespace(text: str) -> str:
    """Return the text if a repository's path may begin with it, or if it is empty.

    :raises ValueError: if not; the message says what was expected.
    """
    if text and not all(_COMPONENT.fullmatch(part) for part in text.split("/")):
        raise ValueError(
            f"expected lower-case letters, digits and single separators . _ - /, not {text!r}"
        )
    return text


def context_name(text: str) -> str:
    """Return the name of a context, which Okteto's variable may give as a URL."""
    return re.sub(r"^https?://", "", text).rstrip("/")


def check_progress(text: str) -> str:
    """Return the text if builds can be shown that way.

    :raises ValueError: if not; the message says what was expected.
    """
    if text not in _PROGRESS:
        raise ValueError(f"expected {', '.join(_PROGRESS[:-1])} or {_PROGRESS[-1]}, not {text!r}")
    return text


def user_cache(environ: Mapping[str, str]) -> Path:
    """Return okplug's folder in the user's cache, after the XDG base directory specification.

    :raises UsageError: if the user has no home.
    """
    return _user_folder(environ, "XDG_CACHE_HOME", environ.get("XDG_CACHE_HOME", ""), ".cache")


def user_configuration(environ: Mapping[str, str]) -> Path:
    """Return okplug's folder in the user's configuration, after the same specification.

    :raises UsageError: if the user has no home.
    """
    folder = environ.get("XDG_CONFIG_HOME", "")
    return _user_folder(environ, "XDG_CONFIG_HOME", folder, ".config")


def _user_folder(environ: Mapping[str, str], variable: str, folder: str, default: str) -> Path:
    if Path(folder).is_absolute():  # the specification has relative paths ignored
        return Path(folder, "okplug")
    home = environ.get("HOME") or _account("pw_dir")
    if not home:
        raise UsageError("the user has no home folder", hint=f"set HOME or {variable}")
    return Path(home, default, "okplug")


def _account(field: str) -> str:
    """Return a field of the user's entry in the password database, ``""`` without an entry."""
    import pwd

    try:
        return str(getattr(pwd.getpwuid(os.getuid()), field))
    except KeyError:
        return ""
