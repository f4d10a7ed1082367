"""The schema and the reader accept the same documents."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from okplug.errors import ManifestError
from okplug.manifest.entrykeys import ALIASES, KEYS, Form
from okplug.manifest.keymeanings import MEANINGS
from okplug.manifest.schema import manifest_schema

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

SCHEMA = manifest_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

#: what only the reader can know: files, variables, and names that are given twice
UNSAYABLE = re.compile(
    r"does not exist|is remote|not a folder|leads nowhere|is a folder|there is no file|given twice"
    r"|written twice|both called|variable|brace|home directory"
)

TEXTS = st.one_of(
    st.sampled_from(
        [
            "", " ", "a", "api", ".", "a,b", "a, b ", ",", "a,", "x=1", "=1", "x=", "X Y=1", "$", "$$",
            "linux/amd64", "linux/arm/v7", "Linux/AMD64,linux/arm64", "linux", "/amd64", "linux/",
            "none", "host", "default", "Host", "none\n", "true", "False", "yes", "TRUE\n",
            "a:1.2.3.4", "a=::1", "a:[fe80::1%eth0]", "1.2.3.4", "::", "1.2.3", "01.2.3.4", "a:b:1::2",
            "docker-image://alpine", "https://example.com/x.git", "ftp://x", "x=ftp://x", "./api",
            "x=docker-image://alpine", "git@github.com:x/y", "dev.okplug.key", "index:a", "manifest[x]:a",
            "manifest-descriptor,a", "index:a=1", "default=/run/x", "\0", "a\0", "a\n", "\na", "é", "null",
        ]
    ),
    st.text("ab_ .:=/,$-\n\té0%[]", max_size=8),
)  # fmt: skip
SCALARS = st.one_of(TEXTS, st.booleans(), st.none(), st.integers(-5, 300), st.floats(0, 9))
NAMES = st.one_of(
    st.sampled_from(
        [
            "api",
            "My_Api",
            "a.b",
            "a b",
            " a ",
            "_a",
            "-a",
            ".a",
            "a/b",
            "",
            "a:b",
            "é",
            "a\t",
            "1",
            "a\0",
        ]
    ),
    TEXTS,
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=4,
)

WORD = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
VALUE = st.one_of(WORD, st.integers(0, 99), st.booleans())
LIST_OF_TEXTS = VALUE | st.lists(VALUE, max_size=3)
PAIRS = st.dictionaries(WORD, VALUE | st.none() | st.just(""), max_size=3) | st.lists(
    WORD | st.builds("{}={}".format, WORD, WORD), max_size=3
)
ADDRESSES = st.ip_addresses().map(str)
PLATFORMS = st.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"])
BY_FORM: dict[Form, st.SearchStrategy[Any]] = {
    Form.TEXT: VALUE,
    Form.TEXTS: LIST_OF_TEXTS,
    Form.COMMA_TEXTS: LIST_OF_TEXTS | st.just("a, b"),
    Form.VERBATIM: st.just("FROM scratch\n"),
    Form.ARGUMENTS: PAIRS,
    Form.PAIRS: PAIRS,
    Form.CONTEXTS: st.dictionaries(
        WORD, st.sampled_from(["api", "web", "docker-image://alpine", "https://example.com/x.git"])
    )
    | st.lists(st.builds("{}={}".format, WORD, WORD), max_size=2),
    Form.HOSTS: st.dictionaries(WORD, ADDRESSES, max_size=3)
    | st.lists(
        st.builds("{}{}{}".format, WORD, st.sampled_from([":", "="]), ADDRESSES), max_size=2
    ),
    Form.SECRETS: st.dictionaries(
        WORD,
        WORD
        | st.fixed_dictionaries({"file": WORD}, optional={"env": st.none()})
        | st.fixed_dictionaries({"env": WORD}),
        max_size=2,
    ),
    Form.NETWORK: st.sampled_from(["none", "host", "default"]),
    Form.FLAG: st.booleans() | st.sampled_from(["true", "False"]),
}
BY_KEY = {
    "context": st.sampled_from([".", "api", ""]),
    "dockerfile": st.sampled_from(["Dockerfile", ""]),
    "platforms": st.lists(PLATFORMS, max_size=2) | PLATFORMS | st.just("linux/amd64,linux/arm64"),
}


def strategy(key: str) -> st.SearchStrategy[Any]:
    return st.none() | BY_KEY.get(key, BY_FORM[KEYS[key]])


ENTRIES = st.sampled_from([".", "api"]) | st.fixed_dictionaries(
    {}, optional={key: strategy(key) for key in KEYS if key != "dockerfile_inline"}
)
DOCUMENTS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"build": st.dictionaries(st.sampled_from(["api", "a.b", "My Web", "é"]), ENTRIES, max_size=3)},
    optional={
        "deploy": st.sampled_from([["make"], {"commands": []}, {"compose": None}, None, "x"]),
        "dev": ANYTHING,
        "x-build": ANYTHING,
        "name": WORD,
    },
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a document."""
    found = [path]
    if not isinstance(value, dict | list):
        return found
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def with_change(document: Any, path: tuple[Any, ...], change: Any) -> Any:
    """Return a copy of a document with another value at one place."""
    if not path:
        return change
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = with_change(document[path[0]], path[1:], change)
    return copy


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Return a document with one to three changes: another value, or one more key."""
    document: Any = draw(DOCUMENTS)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(document)))
        if draw(st.booleans()):
            document = with_change(document, path, draw(ANYTHING))
            continue
        target = document
        for key in path:
            target = target[key]
        if isinstance(target, dict):
            keys = st.sampled_from([*KEYS, *ALIASES, "buid", "contest", "file"])
            document = with_change(document, path, {**target, draw(keys | NAMES): draw(ANYTHING)})
    return document


def problem(workspace: Workspace, document: object) -> str:
    """Return what the reader says, ``""`` if it accepts the document."""
    try:
        workspace.read(json.dumps(document, ensure_ascii=False).encode())
    except ManifestError as error:
        return str(error)
    return ""


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_it_has_every_key_of_the_reader() -> None:
    properties = SCHEMA["$defs"]["image"]["anyOf"][1]["properties"]
    assert properties.keys() == {*KEYS, *ALIASES}
    assert properties["target"]["description"] == (
        "the stage to build; the last one without it\n\na string"
    )


def test_every_key_and_no_other_has_a_meaning() -> None:
    assert MEANINGS.keys() == KEYS.keys()
    assert all(text and not text.endswith(".") for text in MEANINGS.values())


@FUZZ
@given(DOCUMENTS)
def test_both_accept_what_is_right(workspace: Workspace, document: Any) -> None:
    said = problem(workspace, document)
    assume(not UNSAYABLE.search(said.partition("\n  hint:")[0]))
    assert said == ""
    VALIDATOR.validate(document)


@FUZZ
@given(mutated())
@example({"build": {"context": ".", "dockerfile": "Dockerfile"}})
@example({"build": {"context": {}, "image": "api"}})
@example({"build": {"api": {"dockerfile": "Dockerfile", "dockerfile_inline": "FROM scratch"}}})
@example({"build": {"api": {"dockerfile": None, "dockerfile_inline": "FROM scratch"}}})
@example({"build": {"api": {"contexts": None, "additional_contexts": {"a": "b"}}}})
@example({"build": {"api": {"args": ["A", "B=1", 5, True]}}})
@example({"build": {"api": {"secrets": {"a": {"file": "x", "env": "Y"}}}}})
@example(None)
@example([])
def test_they_agree_on_what_may_be_wrong(workspace: Workspace, document: Any) -> None:
    said = problem(workspace, document)
    assume(not UNSAYABLE.search(said.partition("\n  hint:")[0]))
    assert VALIDATOR.is_valid(document) is (said == ""), said


@FUZZ
@given(st.sampled_from(sorted({*KEYS, *ALIASES})), ANYTHING)
def test_they_agree_on_any_value_of_a_key(workspace: Workspace, key: str, value: Any) -> None:
    document = {"build": {"api": {key: value}}}
    said = problem(workspace, document)
    assume(not UNSAYABLE.search(said.partition("\n  hint:")[0]))
    assert VALIDATOR.is_valid(document) is (said == ""), said


@FUZZ
@given(NAMES)
def test_they_agree_on_names(workspace: Workspace, name: str) -> None:
    document = {"build": {name: "."}}
    assert VALIDATOR.is_valid(document) is (problem(workspace, document) == "")


@FUZZ
@given(st.text("build", min_size=3, max_size=7) | st.text("BUILDsx-", min_size=3, max_size=8))
@example("buid")
@example("rebuild")
@example("x-build")
@example("guild")
def test_they_agree_on_sections_that_look_like_build(workspace: Workspace, name: str) -> None:
    assume(name != "build")
    document = {name: {"api": "nowhere"}}
    assert VALIDATOR.is_valid(document) is (problem(workspace, document) == "")


@FUZZ
@given(
    st.one_of(
        ADDRESSES,
        st.from_regex(r"([0-9a-f]{0,4}:){1,8}[0-9a-f]{0,5}", fullmatch=True),
        st.from_regex(r"([0-9a-f]{0,2}:){1,7}(\d{1,3}\.){3}\d{1,3}", fullmatch=True),
        st.from_regex(r"(\d{1,3}\.){3}\d{1,4}", fullmatch=True),
        st.text("0123456789abcdef:.%[] \n", max_size=20),
    )
)
@example("1:2:3:4:5:6:7::")
@example("::1.2.3.4")
@example("[::1]")
def test_they_agree_on_addresses(workspace: Workspace, address: str) -> None:
    document = {"build": {"api": {"context": "api", "extra_hosts": {"a": address}}}}
    assert VALIDATOR.is_valid(document) is (problem(workspace, document) == "")


@pytest.mark.parametrize(
    ("compose", "is_right"),
    [
        ("compose.yml", True),
        (["compose.yml"], True),
        ([{"file": "compose.yml", "services": ["api"]}], True),
        ({"manifest": "compose.yml", "services": "api", "endpoints": {"a": 1}}, True),
        ({"files": ["compose.yml"]}, True),
        (None, True),
        ({"services": ["api"]}, False),
        ({"file": "compose.yml", "service": "api"}, False),
        ([None], False),
        ([["compose.yml"]], False),
        ({"file": {"a": "b"}}, False),
    ],
)
def test_they_agree_on_compose_files(
    workspace: Workspace, compose: object, *, is_right: bool
) -> None:
    workspace.add("api/")
    (workspace.root / "compose.yml").write_text("services: {api: {build: api}}\n")
    document = {"deploy": {"compose": compose}}
    assert VALIDATOR.is_valid(document) is is_right
    assert (problem(workspace, document) == "") is is_right


def test_the_values_that_yaml_has_other_types_for_are_texts(workspace: Workspace) -> None:
    document = {"build": {"api": {"context": "api", "args": {"A": 1.2, "B": True, "C": None}}}}
    VALIDATOR.validate(document)
    (image,) = workspace.read(json.dumps(document).encode()).images
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "1.2"), ("B", "true"), ("C", "")]


def test_a_variable_may_come_to_anything(workspace: Workspace) -> None:
    workspace.environ |= {"P": "linux/arm64", "N": "none", "F": "false", "H": "::1", "C": "."}
    document = {
        "build": {
            "api": {
                "context": "$C",
                "platforms": "${P}",
                "network": "$N",
                "push": "$F",
                "extra_hosts": ["a:$H"],
            }
        }
    }
    VALIDATOR.validate(document)
    assert problem(workspace, document) == ""


#: key, values that are right, values that are not: what the properties above find, to be read
VALUES: list[tuple[str, list[object], list[object]]] = [
    ("annotations", [{"a": 1}, ["a=b", "c"], None], [["=b"], {"": "x"}, {"index:a": "b"}, "a=b"]),
    ("args", [{"A": None}, ["A", "B=x y"], {}], [{"A B": 1}, ["A B=1"], ["$A=1"], "A=1", [{}]]),
    ("cache_from", ["a", ["a", "b"], [], 5], ["", ["a", ""], {"a": "b"}, [["a"]]]),
    ("context", ["api", ".", ""], [["."], {}]),
    ("contexts", [{"a": "b"}, ["a=docker-image://b"]], [{"a": ""}, ["a"], {"a": "ftp://b"}, "a=b"]),
    ("depends_on", ["a", ["a", "lib:b"]], [{"a": {}}, [None], ""]),
    ("dockerfile", ["Dockerfile", ""], [["Dockerfile"]]),
    ("dockerfile_inline", ["FROM scratch\nCOPY . /\n"], [["FROM scratch"], {"FROM": "scratch"}]),
    ("export_cache", ["a", ["type=inline"]], [[None], {}]),
    ("extra_hosts", [{"a": "::1"}, ["a:10.0.0.1", "b=fe80::1"]], ["a:1.2.3.4", ["a"], {"a": "b"}]),
    ("image", ["a,b", "okteto.dev/a:1"], [["a"], {}]),
    ("labels", [{"a": "b", "c": None}, ["a", "b="]], [["=a"], {"": 1}, {"a": ["b"]}, "a=b"]),
    ("network", ["none", "host", "default"], ["bridge", "", "Host", 1, ["none"]]),
    ("platforms", ["linux/amd64", "linux/amd64, linux/arm/v7", []], ["linux", ["linux/"], 5, ""]),
    ("push", [True, "false", "TRUE"], ["no", 0, "", [True]]),
    ("secrets", [{"a": "x", "b": {"env": "X"}}], [["a"], {"a": {}}, {"a": ""}, {"": "x"}, "a"]),
    ("ssh", ["default", ["a", "b=/run/b"]], ["", "=x", [None], {"a": "b"}]),
    ("tags", ["a", "a, b", ["a"]], ["a,,b", [""], {"a": "b"}]),
    ("target", ["a", "", 1], [["a"], {}]),
]


def test_every_key_has_its_values() -> None:
    assert [key for key, _, _ in VALUES] == sorted(KEYS)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, right, _ in VALUES for value in right]
)
def test_what_is_right_is_accepted(workspace: Workspace, key: str, value: object) -> None:
    document = {"build": {"api": {"context": "api", key: value}}}
    VALIDATOR.validate(document)
    assert problem(workspace, document) == ""


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, _, wrong in VALUES for value in wrong]
)
def test_what_is_wrong_is_refused(workspace: Workspace, key: str, value: object) -> None:
    document = {"build": {"api": {"context": "api", key: value}}}
    assert not VALIDATOR.is_valid(document)
    assert problem(workspace, document) != ""


@pytest.mark.parametrize(
    ("document", "is_right"),
    [
        (None, True),
        ({}, True),
        ({"build": None}, True),
        ({"build": {}}, True),
        ({"build": {"api": "api"}}, True),
        ({"build": {"api": {}}}, True),
        ({"build": {"image": {"context": "api"}}}, True),
        ({"build": {"context": {"image": "x"}}}, True),
        ({"deploy": ["make"], "dev": {"api": {}}, "anything": 5, "x-biuld": 1}, True),
        ([], False),
        ("build", False),
        ({"build": []}, False),
        ({"build": "api"}, False),
        ({"build": {"api": None}}, False),
        ({"build": {"api": ["api"]}}, False),
        ({"build": {"-api": "api"}}, False),
        ({"build": {"context": "api", "image": "x"}}, False),
        ({"build": {"api": {"contest": "api"}}}, False),
        ({"biuld": {}}, False),
    ],
)
def test_the_shape_of_a_document(workspace: Workspace, document: object, *, is_right: bool) -> None:
    assert VALIDATOR.is_valid(document) is is_right
    assert (problem(workspace, document) == "") is is_right


def patterns(schema: object) -> list[str]:
    """Return every regular expression in a schema."""
    if isinstance(schema, list):
        return [text for item in schema for text in patterns(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
    return own + [text for item in schema.values() for text in patterns(item)]


@pytest.mark.parametrize("pattern", sorted(set(patterns(SCHEMA))))
def test_patterns_are_also_those_of_ecmascript(pattern: str) -> None:
    """They have no group, escape or anchor that only Python's regular expressions have."""
    re.compile(pattern)
    without_classes = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "C", pattern)
    assert not re.search(r"\(\?(?![=!:])", without_classes)
    assert set(re.findall(r"\\([A-Za-z])", pattern)) <= {"s", "w", "x", "n"}
    assert not re.search(r"[*+?}]\+", without_classes)


@pytest.mark.parametrize(
    "piece", ["a", " ", "$", ",", "1:", "=", ":", "a/", "${", "%", "\n", "b.u"]
)
@pytest.mark.parametrize("pattern", sorted(set(patterns(SCHEMA))))
def test_no_pattern_takes_forever(pattern: str, piece: str) -> None:
    """Editors match on every key stroke; what is exponential would never come back from this."""
    found = re.search(pattern, piece * 500 + "\0")
    assert found is None or "\0" not in found[0]
