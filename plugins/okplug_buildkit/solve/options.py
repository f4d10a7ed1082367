"""What the settings say of every build on a BuildKit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug import Setting
from okplug_buildkit.solve.csvfields import split_texts

if TYPE_CHECKING:
    from okplug import Config

_DEFAULT = "gzip"
_FLAGS = {
    "": "",
    **dict.fromkeys(("1", "t", "true", "y", "yes", "on"), "true"),
    **dict.fromkeys(("0", "f", "false", "n", "no", "off"), "false"),
}
_COMPRESSIONS = ("gzip", "zstd", "estargz", "uncompressed")


def solve_settings() -> tuple[Setting, ...]:
    """Return the settings of builds."""
    return (
        Setting(
            "cache_from",
            "words",
            (),
            "caches that BuildKit imports for every image: references, or type=TYPE,...",
            split=split_texts,
        ),
        Setting(
            "cache_to",
            "words",
            (),
            "caches that BuildKit exports of every image: references, inline, or type=TYPE,...",
            split=split_texts,
        ),
        Setting(
            "provenance",
            "text",
            "",
            "attach SLSA provenance: mode=min, mode=max or more of BuildKit's fields; its times "
            "make every digest another",
            options=("--provenance",),
        ),
        Setting(
            "sbom",
            "text",
            "",
            "attach a bill of materials: generator=IMAGE, or true for BuildKit's own scanner",
            options=("--sbom",),
        ),
        Setting(
            "compression",
            "text",
            "gzip",
            f"how BuildKit compresses layers: {', '.join(_COMPRESSIONS)}; :LEVEL may follow",
            environ=("OKTETO_ALPHA_BUILD_COMPRESSION",),
            convert=_check_compression,
        ),
        Setting(
            "compression_level",
            "text",
            "",
            "how hard it compresses, unless compression says it; empty leaves it to BuildKit",
            environ=("OKTETO_ALPHA_BUILD_COMPRESSION_LEVEL",),
            convert=_check_level,
        ),
        Setting(
            "force_compression",
            "text",
            "",
            "compress the layers of base images as well: true or false; empty is true but for gzip",
            environ=("OKTETO_ALPHA_BUILD_FORCE_COMPRESSION",),
            convert=_check_force,
        ),
        Setting(
            "oci_mediatypes",
            "flag",
            default=True,
            help="give images the media types of OCI; false gives them Docker's",
            environ=("OKTETO_BUILD_OCI_MEDIATYPES",),
        ),
        Setting(
            "frontend_image",
            "text",
            "",
            "the image of the Dockerfile frontend; empty is the one that BuildKit has built in",
            environ=("OKTETO_BUILDKIT_FRONTEND_IMAGE",),
        ),
        Setting(
            "internal_builds",
            "flag",
            default=False,
            help="have BuildKit keep builds out of its history",
            environ=("OKTETO_BUILDKIT_INTERNAL_MODE",),
        ),
    )


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """The settings of one run.

    :param provenance: value of ``attest:provenance``, ``""`` for none.
    :param sbom: value of ``attest:sbom``, ``""`` for none.
    :param compression: of layers; *level* is ``""`` for the daemon's choice.
    :param force: whether layers of base images are compressed as well: ``true``, ``false``, or
        ``""`` for what suits the compression.
    :param frontend_image: ``""`` for the frontend that is built in.
    :param is_internal: builds are kept out of the daemon's history.
    """

    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    provenance: str = ""
    sbom: str = ""
    compression: str = "gzip"
    level: str = ""
    oci_mediatypes: bool = True
    force: str = ""
    frontend_image: str = ""
    is_internal: bool = False

    @classmethod
    def read(cls, config: Config) -> SolveOptions:
        """Read the settings."""
        compression, _, level = config.text("compression").partition(":")
        return cls(
            config.words("cache_from"),
            config.words("cache_to"),
            _attestation(config.text("provenance"), "mode=max"),
            _attestation(config.text("sbom"), "generator=docker/buildkit-syft-scanner:stable-1"),
            compression,
            level or config.text("compression_level"),
            config.flag("oci_mediatypes"),
            config.text("force_compression"),
            config.text("frontend_image"),
            config.flag("internal_builds"),
        )

    @property
    def key_inputs(self) -> dict[str, str]:
        """What makes another image of the same files, by setting; defaults are not there."""
        compression = f"{self.compression}:{self.level}" if self.level else self.compression
        inputs = {
            "provenance": self.provenance,
            "sbom": self.sbom,
            "frontend_image": self.frontend_image,
        }
        if compression != _DEFAULT:
            inputs["compression"] = compression
        if self.is_forced != (self.compression != _DEFAULT):
            inputs["force_compression"] = self.force
        if not self.oci_mediatypes:
            inputs["oci_mediatypes"] = "false"
        return {name: value for name, value in inputs.items() if value}

    @property
    def is_forced(self) -> bool:
        """Whether layers of base images are compressed as well, which have a compression."""
        return self.force == "true" if self.force else self.compression != _DEFAULT

    @property
    def has_attestations(self) -> bool:
        """Whether an image of one platform becomes an index, with attestations beside it."""
        return bool(self.provenance or self.sbom)


def _attestation(text: str, default: str) -> str:
    """Read a flag or fields."""
    word = text.strip().lower()
    if word in ("", "false", "0", "no"):
        return ""
    return default if word in ("true", "1", "yes") else text


def _check_compression(text: str) -> str:
    name, _, level = text.partition(":")
    if name not in _COMPRESSIONS or (level and not level.isdecimal()):
        raise ValueError(f"expected one of {', '.join(_COMPRESSIONS)}, not {text!r}")
    return text


def _check_level(text: str) -> str:
    if text and not (text.isascii() and text.isdecimal()):
        raise ValueError(f"expected a whole number, 0 or more, not {text!r}")
    return text


def _check_force(text: str) -> str:
    word = _FLAGS.get(text.strip().lower())
    if word is None:
        raise ValueError(f"expected true or false, not {text!r}")
    return word
