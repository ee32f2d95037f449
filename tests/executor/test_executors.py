"""What every executor promises, whatever runs the units."""

import os
import re
from contextlib import closing

import pytest
import workers
from workers import Writer, alive, assert_soon, assert_whole, runs, units

from auffusion.errors import InputError
from auffusion.executor import Executor, StartError, Status, Unit, sweep

KINDS = ["serial", "local", pytest.param("ray", marks=pytest.mark.slow)]
PROCESSES = KINDS[1:]


@pytest.fixture
def kind(request):
    if request.param == "ray":
        request.getfixturevalue("ray_here")
    return request.param


def on(kinds):
    return pytest.mark.parametrize("kind", kinds, indirect=True)


def run(kind, folder, some_units, count=2):
    """Outcomes by identifier; each unit has exactly one."""
    outcomes = list(workers.executor(kind, count).map(Writer(folder=folder), some_units))
    assert sorted(one.id for one in outcomes) == sorted(one.id for one in some_units)
    return {one.id: one for one in outcomes}


@on(KINDS)
def test_it_is_an_executor(kind):
    assert isinstance(workers.executor(kind), Executor)


@on(KINDS)
@pytest.mark.parametrize("count", [1, 2])
def test_the_outputs_are_the_same_whoever_makes_them(kind, count, tmp_path):
    some_units = units(7)
    outcomes = run(kind, tmp_path, some_units, count)
    assert {one.status for one in outcomes.values()} == {Status.DONE}
    assert_whole(tmp_path, some_units)


@on(KINDS)
def test_a_second_run_skips_what_is_there_and_makes_what_is_damaged(kind, tmp_path):
    some_units = units(3)
    run("serial", tmp_path, some_units)
    damaged = tmp_path / "u001.bin"
    damaged.write_bytes(b"\0" + damaged.read_bytes()[1:])
    outcomes = run(kind, tmp_path, some_units)
    assert [outcomes[f"u00{n}"].status for n in range(3)] == ["skipped", "done", "skipped"]
    assert_whole(tmp_path, some_units)


@on(KINDS)
def test_a_unit_that_raises_is_told_of_and_the_process_goes_on(kind, tmp_path):
    some_units = [
        *units(2),
        Unit(id="bad", payload={"fate": "rejected"}),
        Unit(id="bug", payload={"fate": "raises"}),
        Unit(id="last", payload={"seed": 9}),
    ]
    outcomes = run(kind, tmp_path, some_units, count=1)
    assert outcomes["bad"].status is Status.REJECTED
    assert outcomes["bad"].reason == "bad is too loud: turn it down"
    assert outcomes["bug"].status is Status.FAILED
    assert re.match(
        r"ValueError: no bug at all \(.*workers\.py, line \d+, in suffer: raise ValueError",
        outcomes["bug"].reason,
    )
    assert outcomes["last"].status is Status.DONE
    assert len({pid for _, pid in runs(tmp_path)}) == 1


@on(PROCESSES)
def test_a_process_killed_inside_a_write_costs_a_try_and_nothing_is_half_there(kind, tmp_path):
    some_units = units(6)
    some_units[2].payload["fate"] = "killed once in a write"
    outcomes = run(kind, tmp_path, some_units)
    assert {one.status for one in outcomes.values()} == {Status.DONE}
    assert_whole(tmp_path, some_units)
    names = sorted(name for name, _ in runs(tmp_path))
    assert names == ["u000", "u001", "u002", "u002", "u003", "u004", "u005"]
    first, second = (pid for name, pid in runs(tmp_path) if name == "u002")
    assert first != second
    assert sweep(tmp_path) == 1


@on(PROCESSES)
def test_a_unit_that_kills_every_process_fails_and_no_other_does(kind, tmp_path):
    some_units = units(6)
    some_units[2].payload["fate"] = "killed"
    outcomes = run(kind, tmp_path, some_units)
    assert outcomes["u002"].status is Status.FAILED
    assert outcomes["u002"].reason.endswith(" (tries: 3)")
    others = [unit for unit in some_units if unit.id != "u002"]
    assert {outcomes[unit.id].status for unit in others} == {Status.DONE}
    assert_whole(tmp_path, others)
    assert sorted(name for name, _ in runs(tmp_path)).count("u002") == 3
    assert len(runs(tmp_path)) == 8


@on(PROCESSES)
def test_facts_that_cannot_be_sent_fail_their_unit_only(kind):
    told = list(workers.executor(kind, 1).map(workers.make_talker, units(2)))
    assert [one.status for one in told] == [Status.FAILED, Status.FAILED]
    assert all("pickle" in one.reason for one in told)


@on(PROCESSES)
def test_a_payload_that_cannot_be_read_over_there_fails_its_unit_only(kind, tmp_path):
    odd = Unit(id="odd", payload=workers.Homebody(os.getpid()))
    outcomes = run(kind, tmp_path, [odd, *units(2)], count=1)
    assert outcomes["odd"].status is Status.FAILED
    assert "there is no such module here" in outcomes["odd"].reason
    assert {outcomes["u000"].status, outcomes["u001"].status} == {Status.DONE}


@on(KINDS)
def test_a_maker_that_rejects_its_input_ends_the_map_with_its_sentence(kind):
    with pytest.raises(InputError, match=r"^the model folder is empty: download it$"):
        list(workers.executor(kind).map(workers.make_bad_input, units(4)))


@on(KINDS)
def test_a_maker_that_raises_ends_the_map(kind):
    told = r"^a worker could not be made: KeyError: 'weights' \(.*workers.py, line \d+, in make_bug"
    with pytest.raises(StartError, match=told):
        list(workers.executor(kind).map(workers.make_bug, units(4)))


@on(PROCESSES)
def test_a_maker_that_kills_its_process_ends_the_map(kind):
    with pytest.raises(StartError, match="before it had a unit, 3 times"):
        list(workers.executor(kind).map(workers.make_death, units(4)))


@on(KINDS)
def test_units_are_drawn_as_they_are_done(kind, tmp_path):
    drawn = 0

    def endless():
        nonlocal drawn
        while True:
            drawn += 1
            yield Unit(id=f"u{drawn:03}", payload={"seed": drawn})

    with closing(workers.executor(kind).map(Writer(folder=tmp_path), endless())) as outcomes:
        assert drawn == 0
        for told, _ in zip(range(1, 21), outcomes, strict=False):
            assert told <= drawn <= told + 2


@on(KINDS)
def test_without_units_no_worker_is_made(kind):
    assert list(workers.executor(kind).map(workers.make_bug, [])) == []


@on(KINDS)
def test_an_error_of_those_who_list_the_units_comes_through(kind, tmp_path):
    def listing():
        yield units(1)[0]
        raise InputError("line 2 of the list is no clip")

    with pytest.raises(InputError, match="line 2 of the list is no clip"):
        list(workers.executor(kind).map(Writer(folder=tmp_path), listing()))


@on(PROCESSES)
def test_closing_the_iterator_ends_the_processes_in_the_middle_of_their_units(kind, tmp_path):
    endless = [Unit(id=f"long{n}", payload={"fate": "slow", "seconds": 600}) for n in "ab"]
    outcomes = workers.executor(kind).map(Writer(folder=tmp_path), [*units(2), *endless])
    assert {next(outcomes).id, next(outcomes).id} == {"u000", "u001"}
    assert_soon(lambda: len(runs(tmp_path)) == 4)
    outcomes.close()
    assert_soon(lambda: not any(alive(int(pid)) for _, pid in runs(tmp_path)))
    assert len(list(tmp_path.glob("*.bin"))) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"workers": 0}, "0 workers do no work: choose 1 or more"),
        ({"retries": -1}, "-1 retries cannot be: choose 0 or more"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(arguments, told):
    with pytest.raises(InputError, match=told):
        workers.LocalExecutor(**arguments)
