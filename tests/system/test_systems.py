"""Each system of the plan lives through its story: two seeds here, forty by hand."""

from tests.system.test_sim import sim


def test_two_seeds_of_every_system_end_in_their_warning() -> None:
    run = sim("swarm", "sites", "--seeds", "2")
    assert run.returncode == 0, run.stdout
    lines = run.stdout.splitlines()
    assert lines[-1] == "40 seeds, 0 failures" and len(lines) == 21
    assert all(" missed 0, false 0.0 a month" in line for line in lines[:-1])
