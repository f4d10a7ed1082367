from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from okplug.commandline import Parsed, Parser
from okplug.errors import PluginError, UsageError
from okplug.settings import Assignment, Setting

if TYPE_CHECKING:
    from okplug.config import Config

SETTINGS = (
    Setting("jobs", "number", 0, "how many", options=("-j", "--jobs")),
    Setting("registry", "text", "", "where", options=("--registry",)),
    Setting("builder", "words", (), "what builds", options=("--builder",)),
    Setting("smart", "flag", default=False, help="reuse", options=("-s", "--smart")),
    Setting("quiet_one", "text", "", "has no option"),
)


def nothing(_config: Config) -> int:
    return 0


@pytest.fixture
def parser() -> Parser:
    """A parser with two commands, which takes one run."""
    parser = Parser(SETTINGS)
    build = parser.add_command("build", help="build images", handler=nothing)
    build.add_argument("selection", nargs="*")
    build.add_argument("-x", action="store_true")
    build.add_argument("-k")
    plan = parser.add_command("plan", help="tell", description="Tell more.", handler=nothing)
    plan.epilog = "examples:\n  okplug plan"
    plan.add_argument("selection", nargs="*")
    return parser


def parse(parser: Parser, line: str) -> Parsed:
    parsed = parser.parse(line.split())
    assert parsed
    return parsed


@pytest.mark.parametrize(
    ("line", "command", "selection"),
    [
        ("", "build", []),
        ("build", "build", []),
        ("plan", "plan", []),
        ("plan api", "plan", ["api"]),
        ("api", "build", ["api"]),
        ("api plan", "build", ["api", "plan"]),
        ("build plan", "build", ["plan"]),
        ("-C .. plan api", "plan", ["api"]),
        ("-C.. -qv plan api", "plan", ["api"]),
        ("-p build plan", "plan", []),
        ("-j 3 plan", "plan", []),
        ("-j3 --registry=r plan", "plan", []),
        ("--registry plan plan", "plan", []),
        ("--smart plan", "plan", []),
        ("--no-smart plan", "plan", []),
        ("-s plan", "plan", []),
        ("-x plan", "build", ["plan"]),
        ("-x -k a plan", "build", ["plan"]),
        ("-- plan", "build", ["plan"]),
    ],
)
def test_the_first_word_is_the_command_or_a_selection(
    parser: Parser, line: str, command: str, selection: list[str]
) -> None:
    parsed = parse(parser, line)
    assert parsed.command.name == command
    assert parsed.options.selection == selection


def test_words_and_options_may_be_mixed(parser: Parser) -> None:
    parsed = parse(parser, "build a -x b -k c d -j 2 e")
    assert parsed.options.selection == ["a", "b", "d", "e"]
    assert (parsed.options.x, parsed.options.k) == (True, "c")


def test_global_options_count_before_and_behind_the_command(parser: Parser) -> None:
    parsed = parse(parser, "-p a -vo jobs=1 plan -o jobs=2 -p b -v --color never --debug")
    assert parsed.options.plugin == ["a", "b"]
    assert parsed.options.verbose == 2
    assert parsed.options.color == "never"
    assert parsed.options.debug
    assert [given.raw for given in parsed.assignments] == ["1", "2"]


def test_options_of_settings_assign(parser: Parser) -> None:
    parsed = parse(parser, "plan -o jobs=1 -j 2 --registry r --builder a,b --builder c --no-smart")
    assert parsed.assignments == tuple(
        Assignment(name, raw, "command line")
        for name, raw in (
            ("jobs", "1"),
            ("jobs", "2"),
            ("registry", "r"),
            ("builder", ["a", "b", "c"]),
            ("smart", False),
        )
    )
    assert not [name for name in vars(parsed.options) if name.startswith("setting")]


def test_options_that_are_not_given_assign_nothing(parser: Parser) -> None:
    assert parse(parser, "plan").assignments == ()


@pytest.mark.parametrize(
    ("line", "verbosity"),
    [
        ("", 0),
        ("-l debug", 2),
        ("--log-level info build", 1),
        ("build -l warn", 0),
        ("-lerror", -1),
        ("-v -l info", 2),
    ],
)
def test_a_level_of_the_log_is_how_much_is_printed(
    parser: Parser, line: str, verbosity: int
) -> None:
    parsed = parse(parser, line)
    assert parsed.command.name == "build"
    assert parsed.options.verbose - parsed.options.quiet == verbosity


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("--log-output json", ["rawjson"]),
        ("--log-output plain plan", ["plain"]),
        ("plan", []),
    ],
)
def test_a_form_of_the_log_is_one_of_progress(
    parser: Parser, line: str, progress: list[str]
) -> None:
    assert parse(parser, line).assignments == tuple(
        Assignment("progress", raw, "command line") for raw in progress
    )


def test_what_no_command_is_may_be_a_mistyped_one(parser: Parser) -> None:
    assert parse(parser, "pla").options.may_be_command == ("build", "plan")


def test_behind_a_command_there_is_no_other(parser: Parser) -> None:
    assert parse(parser, "build pla").options.may_be_command == ()


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("plan --nope", "unrecognized arguments: --nope", "okplug plan --help tells more"),
        ("plan --regis r", "unrecognized arguments: --regis", "okplug plan --help tells more"),
        (
            "plan --regitsry=r x",
            "unrecognized arguments: --regitsry=r, did you mean '--registry'?",
            "okplug plan --help tells more",
        ),
        ("-j", "argument -j/--jobs: expected one argument", "okplug build --help tells more"),
    ],
)
def test_a_wrong_command_line_is_an_error(
    parser: Parser, line: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parser.parse(line.split())
    assert caught.value.message.startswith(message)
    assert caught.value.hint == hint


def test_without_its_default_command_a_command_is_needed() -> None:
    with pytest.raises(UsageError) as caught:
        Parser().parse([])
    assert str(caught.value) == (
        "there is no command build\n  hint: okplug --help lists the commands"
    )


@pytest.mark.parametrize("line", ["--help", "-h", "-q -h", "-C .. --help"])
def test_help_before_any_command_is_of_okplug(parser: Parser, line: str) -> None:
    assert parser.parse(line.split()) is None


@pytest.mark.parametrize("line", ["plan --help", "--help plan", "plan api -h"])
def test_help_with_a_command_is_of_the_command(
    parser: Parser, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        parser.parse(line.split())
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "usage: okplug plan [-h] [selection ...] [GLOBAL OPTIONS]\n\nTell more.\n"
    )
    assert text.endswith("examples:\n  okplug plan\n")
    assert "  -C DIR " in text
    assert re.search(r"^  (-j N|-j), --jobs N +how many$", text, re.MULTILINE)


def test_the_help_of_okplug_lists_the_commands(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = parser.format_help()
    assert text.startswith("usage: okplug [OPTIONS] [COMMAND] [OPTIONS] [SELECTION ...]\n")
    commands = "commands:\n  build                 build images\n  plan                  tell\n\n"
    assert commands in text
    for code in range(6):
        assert re.search(rf"\b{code}  \w", text)


def test_names_are_given_once(parser: Parser) -> None:
    with pytest.raises(ValueError, match=r"^there is a command plan already$"):
        parser.add_command("plan", help="", handler=nothing)
    with pytest.raises(ValueError, match=r"^there is a setting jobs already$"):
        parser.add_setting(SETTINGS[0])


def test_options_can_be_added_to_another_s_command(parser: Parser) -> None:
    parser.command("plan").add_argument("--sign", action="store_true")
    assert parse(parser, "plan --sign").options.sign is True
    with pytest.raises(KeyError):
        parser.command("nope")


def test_an_option_that_is_global_already_is_the_plugin_s_fault(parser: Parser) -> None:
    parser.command("plan").add_argument("-j")
    with pytest.raises(PluginError) as caught:
        parser.parse(["plan"])
    assert str(caught.value) == (
        "okplug plan: an option is given twice: argument -j/--jobs: "
        "conflicting option string: -j\n"
        "  hint: global options and those of settings belong to every command"
    )


def test_an_administrator_s_values_are_kept_apart(parser: Parser) -> None:
    parser.add_defaults({"registry": "r"}, "cluster")
    assert parser.defaults == [Assignment("registry", "r", "cluster")]


def test_each_text_of_an_option_is_split_as_its_setting_says() -> None:
    def split(text: str) -> tuple[str, ...]:
        return tuple(text.split(";"))

    parser = Parser([Setting("cache", "words", (), "caches", options=("--cache",), split=split)])
    parser.add_command("build", help="build images", handler=nothing)
    parsed = parse(parser, "build --cache a,b;c --cache d")
    assert [value.raw for value in parsed.assignments] == [["a,b", "c", "d"]]
