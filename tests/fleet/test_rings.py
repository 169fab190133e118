"""A change reaches all clients only after the first ones held."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError
from workbench.fleet.ledger import Ledger
from workbench.fleet.rings import clients_of, refuse_unless_held
from workbench.fleet.run import Outcome, State


@pytest.fixture
def ringed(tiny: Path) -> Path:
    """The tiny project, of an hour ago, with client alpha as canary."""
    text = (tiny / "conf/clients/alpha/client.yml").read_text()
    (tiny / "conf/clients/alpha/client.yml").write_text(f"{text}\nring: canary\n")
    for path in tiny.rglob("*"):
        os.utime(path, (time.time() - 3600,) * 2)
    return tiny


def ran(project: Path, state: State = "succeeded", *, partial: bool = False, value: float | None = None) -> None:
    ledger = Ledger.of(project)
    number = ledger.start("alpha", "act")
    ledger.describe(number, partial=partial, git_commit=None, config_digest="x")
    outcome = Outcome() if value is None else Outcome(metric="roc_auc", value=value)
    ledger.finish(number, state, seconds=1, error=None if state == "succeeded" else "no", outcome=outcome)


def refused(project: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        refuse_unless_held(project, ["act"])
    assert "`kedro fleet run --ring canary --pipeline act`" in str(caught.value)
    assert "client alpha of ring 'canary', pipeline act" in str(caught.value)
    return caught.value.what


def test_clients_by_ring(ringed: Path) -> None:
    registry = ClientRegistry(ringed)
    assert clients_of(registry, registry.ids(), "canary") == ["alpha"]
    assert clients_of(registry, registry.ids(), "all") == ["beta", "gamma"]
    with pytest.raises(ConfigurationError, match=r"no client is in ring 'early' \(tried: all, canary\)"):
        clients_of(registry, registry.ids(), "early")


def test_a_canary_that_has_never_run_holds_the_others_back(ringed: Path) -> None:
    assert "it has never run whole" in refused(ringed)
    ran(ringed, partial=True)
    assert "it has never run whole" in refused(ringed)


def test_only_a_success_of_the_present_code_and_configuration_counts(ringed: Path) -> None:
    ran(ringed)
    refuse_unless_held(ringed, ["act"])
    for changed in ("src/tiny/nodes.py", "conf/base/parameters.yml", "conf/clients/alpha/client.yml"):
        os.utime(ringed / changed, (time.time() + 60,) * 2)
        assert f"{changed} was changed after its last run began" in refused(ringed)
        os.utime(ringed / changed, (0, 0))
    os.utime(ringed / "conf/clients/beta/client.yml", (time.time() + 60,) * 2)
    refuse_unless_held(ringed, ["act"])
    ran(ringed, "failed")
    assert "its last run failed" in refused(ringed)


def test_another_commit_does_not_count(ringed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.registry import provenance

    ran(ringed)
    code = replace(provenance.code_version(ringed), commit="c0ffee" * 6)
    monkeypatch.setattr(provenance, "code_version", lambda _: code)
    assert "its last run was of commit None, and this is c0ffeec0ffee" in refused(ringed)


def test_a_metric_that_went_down_by_more_than_the_margin_holds_the_others_back(ringed: Path) -> None:
    ran(ringed, value=0.9)
    ran(ringed, value=0.9)
    refuse_unless_held(ringed, ["act"])
    ran(ringed, value=0.8)
    assert "roc_auc went from 0.9000 to 0.8000" in refused(ringed)


@pytest.mark.slow
@pytest.mark.integration
def test_by_command(ringed: Path, kedro: Callable[..., object]) -> None:
    early = kedro(ringed, "fleet", "run", "--ring", "all", "--pipeline", "gate", "--cold", check=False)
    assert early.returncode != 0  # type: ignore[attr-defined]
    assert "ring 'all' must wait" in early.stderr  # type: ignore[attr-defined]
    kedro(ringed, "fleet", "run", "--ring", "canary", "--pipeline", "gate", "--cold")
    kedro(ringed, "fleet", "run", "--ring", "all", "--pipeline", "gate", "--cold")
    assert [run.client for run in Ledger.of(ringed).last()] == ["alpha", "beta", "gamma"]
