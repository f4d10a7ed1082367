"""What Okteto's own tests pin of ``okteto build``, or what okplug does better.

Of what it does otherwise the test's name says so, and its docstring what Okteto does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.testing import Outcome
    from tests.functional.conftest import Shop

ARGUMENTS = "FROM scratch\nARG A\nARG KEY\nARG KEYVALUE\nCOPY data /\n"


@pytest.fixture
def one(empty_shop: Shop) -> Callable[..., Shop]:
    """Return what makes a workspace of one image with some keys."""

    def make(keys: str, dockerfile: str = ARGUMENTS) -> Shop:
        empty_shop.workspace.write(
            {
                "okteto.yaml": f"build:\n  api:\n    context: .\n{keys}",
                "Dockerfile": dockerfile,
                "data": "x\n",
            }
        )
        return empty_shop

    return make


@pytest.fixture
def edges(empty_shop: Shop) -> Callable[[dict[str, str]], Shop]:
    """Return what makes a workspace of images that depend on others; text before text."""

    def make(needs: dict[str, str]) -> Shop:
        lines = [
            f"  {name}: {{context: ., depends_on: [{others}]}}\n" for name, others in needs.items()
        ]
        empty_shop.workspace.write(
            {
                "okteto.yaml": "build:\n" + "".join(lines),
                "Dockerfile": "FROM scratch\nCOPY data /\n",
                "data": "x\n",
            }
        )
        return empty_shop

    return make


def names_built(shop: Shop, *argv: str) -> list[str]:
    """Build, and return the names of the images in the order in which the builder got them."""
    shop.registry.concurrency = 1
    shop.run("build", *argv).assert_ok()
    return [address.removeprefix(":") for address in shop.built()]


# ---------------------------------------------------------------------------------- arguments


def test_an_argument_without_a_value_stands_for_itself(one: Callable[..., Shop]) -> None:
    shop = one("    args:\n    - KEYVALUE\n")
    shop.run("build").assert_ok()
    assert shop.requests[0].args == {"KEYVALUE": "KEYVALUE"}


@pytest.mark.parametrize(
    "keys", ["    args: [KEY=b, A=a]\n", "    args: {KEY: b, A: a}\n", "    args: [A=a, KEY=b]\n"]
)
def test_arguments_are_sorted_whatever_their_form(one: Callable[..., Shop], keys: str) -> None:
    shop = one(keys)
    shop.run("build").assert_ok()
    assert list(shop.requests[0].args.items()) == [("A", "a"), ("KEY", "b")]
    first = shop.run("hash").stdout
    one("    args: {A: a, KEY: b}\n")
    assert shop.run("hash").stdout == first


def test_better_a_variable_that_is_not_set_is_no_value(one: Callable[..., Shop]) -> None:
    """Okteto hands the text ``$VALUE`` on, and images are built with it."""
    shop = one("    args:\n    - KEY=$VALUE\n")
    outcome = shop.run("build").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        "error: okteto.yaml:5:11: the variable VALUE is not set\n"
        "  hint: set it, or write ${VALUE:-default}; $$ is a plain dollar sign\n"
    )
    shop.edit("okteto.yaml", "build: {api: {context: ., args: ['KEY=$$VALUE']}}\n")
    shop.run("build").assert_ok()
    assert shop.requests[0].args == {"KEY": "$VALUE"}


# ---------------------------------------------------------------------------- what is selected


def test_what_selected_images_need_is_built_as_well(
    edges: Callable[[dict[str, str]], Shop],
) -> None:
    shop = edges({"a": "d", "b": "", "c": "", "d": "", "e": ""})
    outcome = shop.run("build", "a", "b", "c").assert_ok()
    assert {address.removeprefix(":") for address in shop.built()} == {"a", "b", "c", "d"}
    assert "need to be built because of dependencies: [:d]\n" in outcome.stderr


def test_a_name_that_is_not_there_is_told(edges: Callable[[dict[str, str]], Shop]) -> None:
    outcome = edges({"api": ""}).run("build", "api", "apj").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith("error: 'apj' selects no image, did you mean 'api'?\n")


def test_better_one_name_for_two_images_is_refused(empty_shop: Shop) -> None:
    """Okteto warns, and the image that is built last has the tag."""
    empty_shop.workspace.write(
        {
            "okteto.yaml": """
                build:
                  a: {context: ., image: okteto.dev/app:1}
                  b: {context: ., image: okteto.dev/app:1}
                """,
            "Dockerfile": "FROM scratch\n",
        }
    )
    outcome = empty_shop.run("build").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith(
        "error: okteto.yaml:3:19: :b and :a would both be named registry.test/cindy/app:1; "
        "the other one is at okteto.yaml:2:19\n"
    )


# -------------------------------------------------------------------------------------- order


def test_images_come_after_what_they_need(edges: Callable[[dict[str, str]], Shop]) -> None:
    """Okteto's order is v1, v4, v2, v3, v5; any that keeps to the edges is as good."""
    needs = {"v5": "v4", "v3": "v1", "v2": "v1", "v4": "", "v1": ""}
    built = names_built(edges(needs))
    assert sorted(built) == ["v1", "v2", "v3", "v4", "v5"]
    assert all(built.index(needs[name]) < built.index(name) for name in ("v2", "v3", "v5"))


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"a": "a"}, ":a depends on itself"),
        ({"a": "b", "b": "c", "c": "a"}, "images are built from each other in a circle:"),
        ({"a": "base"}, "no image of the workspace is called 'base'"),
    ],
)
def test_edges_that_make_no_order(
    edges: Callable[[dict[str, str]], Shop], needs: dict[str, str], told: str
) -> None:
    outcome = edges(needs).run("build").assert_exit(ExitCode.USAGE_ERROR)
    assert told in outcome.stderr


# --------------------------------------------------------------------------------------- tags


def test_every_tag_of_the_list_points_at_the_image_and_so_does_its_key(
    one: Callable[..., Shop],
) -> None:
    """Okteto has a hash tag per name of the list; one per image, whatever it is called, does."""
    shop = one("    image: okteto.dev/test-test:latest,okteto.dev/myimage:latest\n")
    (image,) = shop.results().values()
    assert shop.personal("test-test") == {"latest": image["digest"]}
    assert shop.personal("myimage") == {"latest": image["digest"]}
    assert shop.shared("api") == {image["key"]: image["digest"]}


def test_better_an_image_of_the_global_namespace_is_reused_as_well(
    one: Callable[..., Shop],
) -> None:
    """Okteto has no hash for these, and builds them every time."""
    shop = one("    image: okteto.global/tools:1\n")
    assert list(shop.verdicts().values()) == ["build"]
    assert list(shop.verdicts().values()) == ["reuse"]
    assert "1" in shop.tags("okteto/tools")


def test_an_image_without_a_name_gets_one(one: Callable[..., Shop]) -> None:
    shop = one("")
    (image,) = shop.results().values()
    assert image["references"]["tags"] == ["registry.test/cindy/api:okteto"]


def test_the_name_may_begin_with_that_of_the_folder(one: Callable[..., Shop]) -> None:
    """As Okteto has it; a monorepo has many folders, of which any may be the one."""
    shop = one("")
    (shop.workspace.root / "movies").mkdir()
    for name in ("okteto.yaml", "Dockerfile", "data"):
        (shop.workspace.root / name).rename(shop.workspace.root / "movies" / name)
    (image,) = shop.results("-o", "names={folder}-{name}").values()
    assert image["references"]["tags"] == ["registry.test/cindy/movies-api:okteto"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("okteto.dev/hello", "registry.test/cindy/hello:latest"),
        ("okteto.global/hello:2", "registry.test/okteto/hello:2"),
        ("registry.test/hello/okteto.dev:1", "registry.test/hello/okteto.dev:1"),
    ],
)
def test_aliases_stand_at_the_beginning(
    one: Callable[..., Shop], written: str, expected: str
) -> None:
    (image,) = one(f"    image: {written}\n").results().values()
    assert image["references"]["tags"] == [expected]


def test_better_an_alias_ends_at_its_slash(one: Callable[..., Shop]) -> None:
    """Okteto takes ``okteto.development/x`` for ``okteto.dev`` and garbles it."""
    shop = one("    image: okteto.development/x:1\n")
    outcome = shop.run("plan", "--json").assert_ok()
    assert "registry.test/cindyelopment" not in outcome.stdout


# ----------------------------------------------------------------------------------- look-ups


def test_what_anybody_built_is_found_and_what_only_one_could_keep(
    one: Callable[..., Shop],
) -> None:
    """Okteto looks into the user's namespace and then into the global one, and so finds either."""
    shop = one("")
    assert list(shop.verdicts().values()) == ["build"]
    david = shop.workspace.run("build", plugins=[shop], environ={"USER": "david"}).assert_ok()
    assert "1 reused" in david.stderr
    assert shop.tags("david/api") == shop.tags("cindy/api")


@pytest.mark.parametrize("argv", [("--no-cache",), ("-o", "smart_builds=false")])
def test_nothing_is_looked_up_if_nobody_wants_it(
    one: Callable[..., Shop], argv: tuple[str, ...]
) -> None:
    shop = one("")
    shop.run("build").assert_ok()
    outcome: Outcome = shop.run("build", *argv).assert_ok()
    assert "1 built" in outcome.stderr
    assert "Checking if the images" not in outcome.stderr


# -------------------------------------------------------------------------------------- errors


def test_an_error_names_the_image_that_is_not_there(empty_shop: Shop) -> None:
    empty_shop.workspace.write(
        {
            "okteto.yaml": "build: {api: .}\n",
            "Dockerfile": "FROM localhost/ns/missing:1\n",
        }
    )
    outcome = empty_shop.workspace.run("build").assert_exit(ExitCode.FAILED)
    assert "Dockerfile:1:1: the registry has no image localhost/ns/missing:1\n" in outcome.stderr


# ------------------------------------------------------------------- arguments that nobody writes


NAMED = "FROM scratch\nARG OKTETO_NAMESPACE\nARG OKTETO_CONTEXT\nCOPY data /\n"


def test_a_dockerfile_may_ask_for_whom_and_where_it_is_built(one: Callable[..., Shop]) -> None:
    shop = one("", NAMED)
    path = shop.workspace.home / ".config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text('current = "okteto.test"\n[contexts."okteto.test"]\nnamespace = "david"\n')
    shop.run("build").assert_ok()
    assert shop.requests[0].args == {"OKTETO_NAMESPACE": "david", "OKTETO_CONTEXT": "okteto.test"}


def test_without_a_context_the_dockerfile_s_own_value_counts(one: Callable[..., Shop]) -> None:
    shop = one("", "FROM scratch\nARG OKTETO_CONTEXT=none\nCOPY data /\n")
    shop.run("build").assert_ok()
    assert shop.requests[0].args == {}


def test_an_argument_of_the_manifest_or_the_command_line_counts_more(
    one: Callable[..., Shop],
) -> None:
    shop = one("    args: {OKTETO_NAMESPACE: team, OKTETO_CONTEXT: here}\n", NAMED)
    shop.run("build", "--build-arg", "OKTETO_CONTEXT=there").assert_ok()
    assert shop.requests[0].args == {"OKTETO_NAMESPACE": "team", "OKTETO_CONTEXT": "there"}


def test_better_the_key_says_for_whom_where_the_image_does(one: Callable[..., Shop]) -> None:
    """Okteto hashes neither, and so gives one user the image of another's namespace."""

    def keys(shop: Shop) -> set[str]:
        users = ("cindy", "david")
        return {shop.run("hash", "--namespace", user).assert_ok().stdout for user in users}

    assert len(keys(one("", NAMED))) == 2
    assert len(keys(one(""))) == 1
