import subprocess
import sys
import warnings

import pytest

from auffusion.cli import main


def run(*words):
    command = [sys.executable, "-m", "auffusion.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_help_page_imports_nothing_heavy():
    code = (
        "import sys; from auffusion.cli import main; main(['generate', '--help']);"
        "print(sorted({'torch', 'numpy', 'diffusers', 'transformers', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_the_installed_command_answers():
    done = run("--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("generate", "regenerate", "vocode", "model"))


def test_a_wrong_command_line_is_told_in_one_line_by_a_real_process():
    done = run("generate", "rain", "--steps", "-3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "auffusion: --steps is -3, expected 1 or more\n"


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("auffusion 0.")


@pytest.mark.parametrize(
    "words", [["nope"], ["generate", "--nope"], ["generate", "x", "--steps", "many"], ["vocode"]]
)
def test_a_wrong_word_is_told_in_one_line(capsys, words):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("auffusion: ")


def test_no_word_at_all_shows_the_commands(capsys):
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert "generate" in out + err


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("auffusion.cli.generate.plan_sounds", broken)
    with pytest.raises(ZeroDivisionError):
        main(["generate", "rain"])


def test_an_interruption_ends_with_130(capsys, monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("auffusion.cli.generate.plan_sounds", interrupted)
    assert main(["generate", "rain"]) == 130
    assert capsys.readouterr().err == "auffusion: interrupted\n"


def test_a_disk_that_goes_away_is_told_in_one_line(capsys, monkeypatch):
    def gone(*_args):
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr("auffusion.cli.generate.plan_sounds", gone)
    assert main(["generate", "rain"]) == 2
    assert capsys.readouterr().err == "auffusion: /somewhere: Input/output error\n"


def test_warnings_for_the_user_are_plain_lines_and_others_are_not_shown(capsys, monkeypatch):
    def warned(*_args):
        warnings.warn("the prompt was cut", stacklevel=1)
        warnings.warn("an API will change", FutureWarning, stacklevel=1)
        raise KeyboardInterrupt

    monkeypatch.setattr("auffusion.cli.generate.plan_sounds", warned)
    main(["generate", "rain"])
    assert capsys.readouterr().err.splitlines()[0] == "auffusion: warning: the prompt was cut"
