"""The JSON schema of ``okteto.yaml``, made of the table that the reader goes by.

https://json-schema.org/draft/2020-12

It accepts what the reader accepts, but for what no schema can say: whether files are there, what
variables come to, names that are given twice, and what is not written in ASCII. A text with a ``$``
passes wherever variables are expanded.

Scalars of YAML that JSON has as numbers or booleans are texts for the reader: ``1.20`` is "1.20".
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from okplug.manifest.entrykeys import ALIASES, EXCLUSIVE, KEYS, NETWORKS, Form
from okplug.manifest.keymeanings import MEANINGS
from okplug.manifest.sections import MISSPELT_BUILD

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: the end of a text; Python's ``$`` also takes the place before a last line break for it
_END: Final = r"$(?!\n)"

#: anything but what no text may hold
_ANY: Final = r"[^\x00]"
#: a text with a variable in it: the first ``$`` that does not stand for itself
_VARIABLE: Final = (
    r"(?:[^$\x00]|\$\$|\$_(?!\w)|\$(?![\w{$])|\$\{_\})*\$(?:\{(?!_\})|[A-Za-z0-9]|_\w)"
)

_PLATFORM: Final = r"\s*[A-Za-z0-9]+/[A-Za-z0-9_-]+(?:/[A-Za-z0-9.]+)?\s*"
_ITEM: Final = r"\s*[^\s,\x00][^,\x00]*"
_ARGUMENT: Final = r"[^\s=$\x00]+"
#: of the schemes that there are, builders know few
_CONTEXT: Final = (
    rf"(?!(?!(?:docker-image|https?|git|ssh)://)[A-Za-z][A-Za-z0-9+.-]*://){_ANY}+{_END}"
)
_ANNOTATION: Final = r"(?!dev\.okplug\.)(?!(?:index|manifest)(?:-descriptor)?(?:\[[^\]]*\])?[:,])"
#: what becomes a name: letters, digits, dashes and dots, once blanks and underscores are dashes
_NAME: Final = (
    r"^\s*[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]"
    r"[^\x00-\x1f\x21-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*\s*" + _END
)
_PATHS: Final = ("context", "dockerfile")

_NULL: Final[Schema] = {"type": "null"}
_NO_STRING: Final[Schema] = {"type": ["number", "boolean"]}
_KEY: Final[Schema] = {"pattern": rf"^{_ANY}*{_END}"}
_TEXT: Final[Schema] = {"$ref": "#/$defs/text"}
_FILLED: Final[Schema] = {"$ref": "#/$defs/filled"}


def manifest_schema() -> Schema:
    """Return the schema of a whole manifest."""
    return {
        "$schema": DIALECT,
        "title": "okteto manifest",
        "description": "Images of a workspace, as okplug reads them",
        "type": ["object", "null"],
        "propertyNames": {**_KEY, "not": {"pattern": MISSPELT_BUILD}},
        "properties": {"build": _build_section(), "deploy": _deploy_section()},
        "$defs": {
            "text": _or_no_string(rf"^{_ANY}*{_END}"),
            "filled": _or_no_string(rf"^{_ANY}+{_END}"),
            "image": _image(),
        },
    }


def _build_section() -> Schema:
    one_image = {
        "type": "object",
        "propertyNames": {"enum": sorted(KEYS)},
        "anyOf": [_with(key, {"type": ["string", "number", "boolean", "null"]}) for key in _PATHS],
    }
    return {
        "description": "the images, by their names",
        "type": ["object", "null"],
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": {"$ref": "#/$defs/image"},
        "not": one_image,
    }


def _with(key: str, schema: Schema) -> Schema:
    """Return the schema of a map that has a key."""
    return {"required": [key], "properties": {key: schema}}


def _image() -> Schema:
    written = {"not": _NULL}
    clashes = [
        *({"allOf": [_with(one, written), _with(other, written)]} for one, other in EXCLUSIVE),
        *({"required": [alias, key]} for alias, key in ALIASES.items()),
    ]
    properties = {key: _key(key) for key in KEYS}
    properties |= {alias: properties[key] for alias, key in ALIASES.items()}
    return {
        "anyOf": [
            {**_TEXT, "description": "the context"},
            {
                "type": "object",
                "properties": properties,
                "additionalProperties": False,
                "not": {"anyOf": clashes},
            },
        ]
    }


def _key(key: str) -> Schema:
    form = KEYS[key]
    schema = _OF_KEY.get(key) or _OF_FORM[form]
    return {"description": f"{MEANINGS[key]}\n\n{form.value}", "anyOf": [schema, _NULL]}


def _texts(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _matching(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _or_no_string(pattern: str) -> Schema:
    """Return the schema of a text; what JSON has other types for needs no pattern."""
    return {"anyOf": [_matching(pattern), _NO_STRING]}


def _expandable(pattern: str) -> str:
    """Return what finds a text that matches, or has a variable in it."""
    return rf"{pattern}|^{_VARIABLE}"


def _split_at_commas(part: str) -> str:
    return _expandable(rf"^{part}(?:,{part})*{_END}")


def _pairs(name: str, value: Schema, item: Schema) -> Schema:
    """Return the schema of names with values, in a map or a list."""
    names = {"pattern": rf"^{name}{_END}"}
    table = {"type": "object", "propertyNames": names, "additionalProperties": value}
    return {"anyOf": [table, {"type": "array", "items": item}]}


def _named_texts(name: str, item: str) -> Schema:
    """Return the schema of names with values that may be anything, or nothing.

    :param item: the pattern of a name where ``=`` ends it.
    """
    value = {"anyOf": [_TEXT, _NULL]}
    return _pairs(name, value, _or_no_string(rf"^{item}(?:={_ANY}*)?{_END}"))


def _contexts() -> Schema:
    item = _matching(rf"^[^=\x00]+={_CONTEXT}")
    return _pairs(f"{_ANY}+", _or_no_string(f"^{_CONTEXT}"), item)


def _hosts() -> Schema:
    address = rf"\s*\[?(?:{_ipv4()}|{_ipv6()})\]?\s*{_END}"
    name = r"[^:=\x00]+[:=]"
    item = _matching(rf"^{name}(?:{address}|{_VARIABLE})")
    return _pairs(f"{_ANY}+", _matching(_expandable(f"^{address}")), item)


def _ipv4() -> str:
    octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    return rf"{octet}(?:\.{octet}){{3}}"


def _ipv6() -> str:
    """Return the pattern of RFC 4291, section 2.2, with a zone as RFC 4007 has it."""
    group = "[0-9A-Fa-f]{1,4}"
    last = f"(?:{group}:{group}|{_ipv4()})"  # the last two groups
    forms = [rf"(?:{group}:){{6}}{last}"]
    for left in range(8):  # groups before the ::, which stands for one at least
        room = 7 - left
        before = rf"{group}(?::{group}){{{left - 1}}}" if left else ""
        after = [rf"{group}(?::{group}){{0,{room - 1}}}"] if room else []
        after += [rf"(?:{group}:){{0,{room - 2}}}{_ipv4()}"] if room > 1 else []
        forms.append(f"{before}::(?:{'|'.join(after)})?" if after else f"{before}::")
    return rf"(?:{'|'.join(forms)})(?:%[^%\]\s]+)?"


def _secrets() -> Schema:
    given = {
        "type": "object",
        "properties": {kind: {"anyOf": [_FILLED, _NULL]} for kind in ("file", "env")},
        "additionalProperties": False,
        "oneOf": [_with(kind, {"not": _NULL}) for kind in ("file", "env")],
    }
    return {
        "type": "object",
        "propertyNames": {"pattern": rf"^{_ANY}+{_END}"},
        "additionalProperties": {"anyOf": [_FILLED, given]},
    }


def _deploy_section() -> Schema:
    files = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}, _NULL]}
    keys = ("file", "manifest", "files")
    entry = {
        "type": "object",
        "properties": {**dict.fromkeys((*keys, "services"), files), "endpoints": True},
        "additionalProperties": False,
        "anyOf": [{"required": [key]} for key in keys],
    }
    item = {"anyOf": [_TEXT, entry]}
    compose = {
        "description": "compose files whose images are the manifest's",
        "anyOf": [_TEXT, entry, {"type": "array", "items": item}, _NULL],
    }
    return {"propertyNames": _KEY, "properties": {"compose": compose}}


_OF_FORM: Final[dict[Form, Schema]] = {
    Form.TEXT: _TEXT,
    Form.TEXTS: _texts(_FILLED),
    Form.COMMA_TEXTS: _texts(_or_no_string(_split_at_commas(_ITEM))),
    Form.VERBATIM: _TEXT,
    Form.ARGUMENTS: _named_texts(_ARGUMENT, _ARGUMENT),
    Form.PAIRS: _named_texts(f"{_ANY}+", r"[^=\x00]+"),
    Form.CONTEXTS: _contexts(),
    Form.HOSTS: _hosts(),
    Form.SECRETS: _secrets(),
    Form.NETWORK: _matching(_expandable(rf"^(?:{'|'.join(NETWORKS)}){_END}")),
    Form.FLAG: {
        "anyOf": [
            {"type": "boolean"},
            _matching(_expandable(rf"^(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]){_END}")),
        ]
    },
}
#: keys whose values have to be more than their form says
_OF_KEY: Final[dict[str, Schema]] = {
    "annotations": _named_texts(rf"{_ANNOTATION}{_ANY}+", rf"{_ANNOTATION}[^=\x00]+"),
    "platforms": _texts(_matching(_split_at_commas(_PLATFORM))),
    "ssh": _texts(_or_no_string(rf"^[^=\x00]{_ANY}*{_END}")),
}
