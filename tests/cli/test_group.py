"""`ganreg` itself: help, options before commands, and errors with their exit codes."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ganreg.cli.group import COMMANDS, group

Call = Callable[..., Any]

FAULTY = """
from ganreg import Dataset, hookimpl
from ganreg.errors import DataError

class Faulty(Dataset, name="faulty"):
    def info(self):
        raise ZeroDivisionError("by its author")

class Lost(Dataset, name="lost"):
    def info(self):
        raise DataError("there is no nowhere")

@hookimpl
def ganreg_components():
    return [Faulty, Lost]
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_and_described_as_in_the_table(name: str) -> None:
    command: click.Command = import_module(f"ganreg.cli.commands.{name}").command
    assert command.name == name
    assert inspect.cleandoc(command.help or "").partition("\n")[0] == COMMANDS[name]


def test_every_module_of_a_command_is_in_the_table() -> None:
    from pathlib import Path

    import ganreg.cli.commands as commands

    assert {path.stem for path in Path(commands.__path__[0]).glob("[!_]*.py")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_help(name: str) -> None:
    result = CliRunner().invoke(group, [name, "--help"])
    assert result.exit_code == 0
    assert COMMANDS[name] in result.output
    command: click.Command = import_module(f"ganreg.cli.commands.{name}").command
    assert all(p.help for p in command.params if isinstance(p, click.Option))


def test_help_lists_every_command_with_its_line(ganreg: Call) -> None:
    result = ganreg("--help")
    assert result.code == 0
    for name, line in COMMANDS.items():
        assert f"  {name}" in result.out
        assert line in result.out


def test_what_is_the_work_of_one_process_is_refused_in_several(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = ganreg("list", "loss")
    assert (result.code, result.out) == (2, "")
    assert "'list' is the work of one process: call it without torchrun" in result.err


def test_version(ganreg: Call) -> None:
    from importlib.metadata import version

    assert ganreg("--version").out == f"ganreg {version('ganreg')}\n"


@pytest.mark.parametrize(("typed", "hint"), [("lst", "'list'"), ("chekc", "'check'"), ("zzz", "there are run, resume")])
def test_an_unknown_command_is_a_usage_error_with_the_nearest(ganreg: Call, typed: str, hint: str) -> None:
    result = ganreg(typed)
    assert (result.code, result.out) == (2, "")
    assert f"no command is called '{typed}'" in result.err
    assert hint in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Usage: ganreg"),
        (("list", "--jason"), 2, "--jason"),
        (("sample", "x", "--count", "0"), 2, "--count"),
        (("resume", "nowhere"), 2, "error: 'nowhere' is not the folder of a run: it does not exist"),
        (("check", "nowhere.yaml"), 3, "cannot read nowhere.yaml: No such file or directory"),
        (("new", "sparkle-gan", f"{__file__}/folder"), 2, f"error: cannot write {__file__}/folder"),
        (("install", "--dry-run", "classic", " "), 2, "error: ' ' is no name of a plugin\n"),
        (("show", "nothing-of-that-name"), 3, "no component is called 'nothing-of-that-name'"),
    ],
)
def test_mistakes_have_one_message_and_an_exit_code(
    ganreg: Call, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = ganreg(*arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert "Traceback" not in result.err


def test_a_broken_plugin_that_is_named_has_exit_code_4(ganreg: Call, install: Callable[[str, str], None]) -> None:
    install("broken", "import a_module_that_nobody_has")
    result = ganreg("check", "--loss", "broken/anything")
    assert result.code == 4
    assert "a_module_that_nobody_has" in result.err
    assert "help: pip install" in result.err


def test_data_that_is_missing_has_exit_code_5(
    ganreg: Call, install: Callable[[str, str], None], tiny: tuple[str, ...]
) -> None:
    install("faulty", FAULTY)
    result = ganreg("check", *tiny, "--data", "lost")
    assert (result.code, result.out, result.err) == (5, "", "error: there is no nowhere\n")


def test_a_dataset_that_cannot_tell_of_itself_is_named(
    ganreg: Call, install: Callable[[str, str], None], tiny: tuple[str, ...]
) -> None:
    install("faulty", FAULTY)
    faulty = ("check", *tiny, "--data", "faulty")
    result = ganreg(*faulty)
    told = "error: the dataset 'faulty' cannot tell of itself: ZeroDivisionError: by its author\n"
    assert (result.code, result.err) == (5, told)
    assert 'raise ZeroDivisionError("by its author")' in ganreg("--debug", *faulty).err


def test_an_unexpected_error_is_one_line_unless_debugging(
    ganreg: Call, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganreg.check.dry_run", lambda *_: 1 // 0)  # a fault of ganreg's own, as none is known
    result = ganreg("check", *tiny)
    assert result.code == 1
    assert result.err.startswith(
        "error: internal error: ZeroDivisionError: integer division or modulo by zero\n  help: "
    )
    assert "Traceback" not in result.err
    assert "lambda *_: 1 // 0" in ganreg("--debug", "check", *tiny).err


def test_debugging_by_the_environment(
    ganreg: Call, install: Callable[[str, str], None], tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("faulty", FAULTY)
    monkeypatch.setenv("GANREG_DEBUG", "1")
    assert "Traceback" in ganreg("check", *tiny, "--data", "faulty").err


def test_several_mistakes_are_counted(ganreg: Call, tiny: tuple[str, ...]) -> None:
    assert ganreg("check", *tiny, "--generator", "x", "--loss", "y", "--data", "z").err.endswith("3 mistakes\n")
    single = ganreg("check", *tiny, "--loss", "tiny-hinje")
    assert (single.code, "mistake" in single.err) == (3, False)


def test_control_characters_do_not_reach_the_terminal(ganreg: Call) -> None:
    result = ganreg("resume", "\x1b[2Jx\x07")
    assert "�[2Jx�" in result.err
    assert "\x1b" not in result.err
