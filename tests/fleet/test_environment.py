from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.clients.variables import owner_of
from workbench.fleet.environment import cpus, worker_environment

CLIENTS = ["acme", "acme_2", "acme__2", "skyways"]
IDS = st.from_regex(r"[a-z][a-z0-9_]{1,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("variable", "owner"),
    [
        ("ACME__KEY", "acme"),
        ("ACME_2__KEY", "acme_2"),
        ("ACME__2__KEY", "acme__2"),
        ("ACME__3__KEY", "acme"),
        ("ACME_KEY", None),
        ("XACME__KEY", None),
        ("acme__key", None),
        ("PATH", None),
    ],
)
def test_whose_a_variable_is(variable: str, owner: str | None) -> None:
    assert owner_of(variable, CLIENTS) == owner


@given(st.sets(IDS, min_size=1, max_size=6), st.from_regex(r"[A-Z][A-Z0-9]{0,5}", fullmatch=True), st.data())
def test_no_worker_gets_what_is_anothers(clients: set[str], suffix: str, data: st.DataObject) -> None:
    mine = data.draw(st.sampled_from(sorted(clients)))
    environ = {f"{client.upper()}__{suffix}": client for client in clients} | {"SHARED": "1", "KEDRO_ENV": "base"}
    given_to = worker_environment(environ, mine, clients, 2)
    assert given_to["SHARED"] == "1"
    assert "KEDRO_ENV" not in given_to
    canaries = {name for name in environ if name in given_to} - {"SHARED"}
    assert all(owner_of(name, clients) == mine for name in canaries)
    assert canaries == {name for name in environ if owner_of(name, clients) == mine}


def test_threads_are_the_workers_share_or_fewer_if_somebody_says_so() -> None:
    assert worker_environment({}, "acme", CLIENTS, 1)["OMP_NUM_THREADS"] == str(cpus())
    assert worker_environment({}, "acme", CLIENTS, 10_000)["OMP_NUM_THREADS"] == "1"
    assert worker_environment({"OMP_NUM_THREADS": "1"}, "acme", CLIENTS, 1)["OMP_NUM_THREADS"] == "1"
    for nonsense in ("-1", "0", "many", "10000", ""):
        assert worker_environment({"OMP_NUM_THREADS": nonsense}, "acme", CLIENTS, 1)["OMP_NUM_THREADS"] == str(cpus())


def test_what_opens_vault_for_the_operator_is_no_workers() -> None:
    environ = {
        "VAULT_TOKEN": "canary",
        "VAULT_ADDR": "https://x",
        "ACME__VAULT_TOKEN": "own",
        "SKYWAYS__VAULT_TOKEN": "canary",
    }
    given_to = worker_environment(environ, "acme", CLIENTS, 1)
    assert "canary" not in given_to.values()
    assert given_to["ACME__VAULT_TOKEN"] == "own"
    assert given_to["VAULT_ADDR"] == "https://x"
