from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError, UnknownClient
from workbench.fleet.plan import Cell, chosen_clients, chosen_pipelines, plan

PIPELINES = ["ingest", "train", "__default__"]


def test_clients(tiny: Path) -> None:
    registry = ClientRegistry(tiny)
    assert chosen_clients(registry, "all") == ["alpha", "beta", "gamma"]
    assert chosen_clients(registry, " gamma, alpha,gamma ") == ["gamma", "alpha"]
    with pytest.raises(UnknownClient, match="did you mean 'alpha'"):
        chosen_clients(registry, "beta,alpa")
    for hostile in ("../alpha", "/etc", "alpha/../beta", ".", "all,beta"):
        with pytest.raises(UnknownClient):
            chosen_clients(registry, hostile)
    with pytest.raises(ConfigurationError, match="no client to run"):
        chosen_clients(registry, " , ")


def test_pipelines() -> None:
    assert chosen_pipelines(PIPELINES, "train,ingest,train") == ["train", "ingest"]
    with pytest.raises(ConfigurationError, match="did you mean 'train'"):
        chosen_pipelines(PIPELINES, "trian")
    with pytest.raises(ConfigurationError, match="no pipeline to run"):
        chosen_pipelines(PIPELINES, "")


def test_the_longest_client_begins_and_an_unknown_one_before_it() -> None:
    durations = {("alpha", "train"): 5.0, ("beta", "train"): 50.0}
    assert plan(["alpha", "beta", "gamma"], ["train"], durations) == [
        Cell("gamma", "train", None),
        Cell("beta", "train", 50.0),
        Cell("alpha", "train", 5.0),
    ]


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.lists(st.sampled_from(PIPELINES), unique=True),
    st.dictionaries(st.tuples(st.sampled_from("abcdef"), st.sampled_from(PIPELINES)), st.floats(0, 1e6)),
)
def test_every_cell_once_and_each_clients_pipelines_in_order(
    clients: list[str], pipelines: list[str], durations: dict[tuple[str, str], float]
) -> None:
    cells = plan(clients, pipelines, durations)
    assert sorted((cell.client, cell.pipeline) for cell in cells) == sorted((c, p) for c in clients for p in pipelines)
    for client in clients:
        assert [cell.pipeline for cell in cells if cell.client == client] == pipelines
