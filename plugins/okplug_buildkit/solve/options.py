"""What the settings say of every build on a BuildKit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug import Setting
from okplug_buildkit.solve.csvfields import split_texts

if TYPE_CHECKING:
    from okplug import Config

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
            convert=_check_compression,
        ),
        Setting(
            "oci_mediatypes",
            "flag",
            default=True,
            help="give images the media types of OCI; false gives them Docker's",
        ),
    )


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """The settings of one run.

    :param provenance: value of ``attest:provenance``, ``""`` for none.
    :param sbom: value of ``attest:sbom``, ``""`` for none.
    :param compression: of layers; *level* is ``""`` for the daemon's choice.
    """

    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    provenance: str = ""
    sbom: str = ""
    compression: str = "gzip"
    level: str = ""
    oci_mediatypes: bool = True

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
            level,
            config.flag("oci_mediatypes"),
        )

    @property
    def key_inputs(self) -> dict[str, str]:
        """What makes another image of the same files, by setting; defaults are not there."""
        compression = f"{self.compression}:{self.level}" if self.level else self.compression
        inputs = {"provenance": self.provenance, "sbom": self.sbom}
        if compression != "gzip":
            inputs["compression"] = compression
        if not self.oci_mediatypes:
            inputs["oci_mediatypes"] = "false"
        return {name: value for name, value in inputs.items() if value}

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
