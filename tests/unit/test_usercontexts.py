from __future__ import annotations

import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import Location, UsageError
from okplug.settings import Assignment
from okplug.usercontexts import Contexts, contexts_file, read_contexts, use_context

TEXT = """\
# my clusters
current = "prod"

[contexts.prod]
registry = "registry.example.com"
namespace = "cindy"

[contexts."okteto.example.com"]
registry = "registry.okteto.example.com"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The user's file, with two contexts."""
    path = tmp_path / "okplug/contexts.toml"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def read(path: Path) -> Contexts:
    return read_contexts({"HOME": "/", "XDG_CONFIG_HOME": str(path.parent.parent)})


def wanted(name: str, location: Location | None = None) -> Assignment:
    return Assignment("context", name, "environment OKTETO_CONTEXT", location)


# ------------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/cindy"}, "/home/cindy/.config/okplug/contexts.toml"),
        ({"HOME": "/home/cindy", "XDG_CONFIG_HOME": "/etc/me"}, "/etc/me/okplug/contexts.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/okplug/contexts.toml"),
    ],
)
def test_where_the_file_is(environ: dict[str, str], expected: str) -> None:
    assert contexts_file(environ) == Path(expected)


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    found = read_contexts({"HOME": str(tmp_path)})
    assert (found.current, dict(found.tables)) == (None, {})


def test_what_is_in_the_file(path: Path) -> None:
    found = read(path)
    assert found.current == Assignment("context", "prod", "contexts.toml:2", Location(path, 2))
    assert list(found.tables) == ["prod", "okteto.example.com"]
    assert found.tables["okteto.example.com"] == (
        Assignment(
            "registry",
            "registry.okteto.example.com",
            "context okteto.example.com",
            Location(path, 9),
        ),
    )


def test_no_current_one(path: Path) -> None:
    path.write_text('current = ""\n[contexts.a]\n')
    assert read(path).current is None


def test_the_values_of_the_one_in_use(path: Path) -> None:
    names = [given.name for given in read(path).find(wanted("prod"))]
    assert names == ["registry", "namespace"]
    assert read(path).find(wanted("")) == ()


def test_one_that_is_not_there(path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(path).find(wanted("okteto.exmple.com"))
    assert str(caught.value) == (
        "environment OKTETO_CONTEXT: there is no context 'okteto.exmple.com', did you mean "
        f"'okteto.example.com'?\n  hint: okplug context ls lists those of {path}"
    )


def test_one_that_a_file_names_is_located(path: Path) -> None:
    with pytest.raises(UsageError, match=r"^/x/okplug.toml:3: there is no context 'x'\n"):
        read(path).find(wanted("x", Location(Path("/x/okplug.toml"), 3)))


def test_one_where_there_are_none(tmp_path: Path) -> None:
    found = read_contexts({"HOME": str(tmp_path)})
    with pytest.raises(UsageError) as caught:
        found.find(wanted("prod"))
    assert caught.value.hint == f'describe it in {found.path}, below [contexts."prod"]'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("current = 1\n", ":1: current: expected the name of a context, not 1"),
        ("x = 1\ncurent = 'a'\n", ":1: unknown key 'x'"),
        ("\ncurent = 'a'\n", ":2: unknown key 'curent', did you mean 'current'?"),
        ("contexts = 1\n", ": contexts: expected a table of contexts"),
        ("[contexts]\na = 1\n", ":2: contexts.a: expected a table of settings"),
        ("[contexts.a]\nplugins = []\n", ":2: plugins: plugins are loaded before contexts"),
        ("[contexts.a]\ncontext = 'b'\n", ":2: context: a context cannot name another one"),
        ("[contexts.a\n", ":1:12: not TOML: "),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{message}")


# ---------------------------------------------------------------------------------------------- use


def test_another_one_is_used_and_the_rest_stays(path: Path) -> None:
    use_context(path, "okteto.example.com")
    assert path.read_text() == TEXT.replace('"prod"', '"okteto.example.com"')
    assert path.stat().st_mode & 0o777 == 0o600


def test_none_is_used(path: Path) -> None:
    use_context(path, "")
    assert path.read_text() == TEXT.replace('current = "prod"\n', "")
    use_context(path, "")
    assert read(path).current is None


def test_the_first_to_be_used_is_written_above_all_tables(path: Path) -> None:
    path.write_text("# mine\n[contexts.a]\n")
    use_context(path, "a")
    assert path.read_text() == 'current = "a"\n# mine\n[contexts.a]\n'


def test_one_that_is_not_there_is_not_used(path: Path) -> None:
    with pytest.raises(UsageError, match=r"^there is no context 'prdo', did you mean 'prod'\?"):
        use_context(path, "prdo")
    assert path.read_text() == TEXT


def test_what_cannot_be_replaced_stays(path: Path) -> None:
    text = "current = '''\nprod'''\n[contexts.prod]\n"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"{path}:1: "):
        use_context(path, "prod")
    assert path.read_text() == text


def test_a_wrong_file_is_not_written(path: Path) -> None:
    path.write_text("[contexts\n")
    with pytest.raises(UsageError, match="not TOML"):
        use_context(path, "prod")
    assert path.read_text() == "[contexts\n"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "okplug").write_text("a file")
    with pytest.raises(UsageError, match=r"^cannot write .*/contexts.toml: "):
        use_context(tmp_path / "okplug/contexts.toml", "")


def test_several_at_once_lose_nothing(path: Path) -> None:
    names = ["prod", "okteto.example.com", ""] * 6
    threads = [threading.Thread(target=use_context, args=(path, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = tomllib.loads(path.read_text())
    assert found.pop("current", "") in names
    assert found == {"contexts": tomllib.loads(TEXT)["contexts"]}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_can_be_used(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("contexts") / "okplug/contexts.toml"
    path.parent.mkdir()
    quoted = "".join(f"\\U{ord(letter):08x}" for letter in name)
    path.write_text(f'[contexts."{quoted}"]\nnamespace = "x"\n', encoding="utf-8")
    use_context(path, name)
    current = read(path).current
    assert current
    assert current.raw == name
