"""What a client's configuration may say of hosted tuning."""

from __future__ import annotations

from typing import Any

import pytest
from hosted_world import CLIENT
from pydantic import ValidationError

from pipelines.tune.parameters import HostedSettings
from workbench.clients import Client
from workbench.clients.targets import AzureOpenAITarget
from workbench.hosted.jobs import LONGEST_SUFFIX, JobSpec
from workbench.targets.azure_openai.api import azure_account

AZURE = {
    "kind": "azure_openai",
    "subscription": "00000000-1111-2222-3333-444444444444",
    "resource_group": "rg",
    "account": "acme-openai",
}
TUNED = {"service": "azure_openai", "target": "cloud", "base_deployment": "base"}


def test_both_services_are_taken() -> None:
    assert Client(**CLIENT, hosted={"service": "openai"}).hosted.budget == 25
    client = Client(**CLIENT, hosted=TUNED, deploy={"cloud": AZURE})
    assert azure_account(client.deploy["cloud"]).endpoint == "https://acme-openai.openai.azure.com"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hosted": {"service": "openai", "endpoint": "http://example.org/v1"}}, "http:// is for this machine only"),
        ({"hosted": {"service": "openai", "endpoint": "https://key@example.org"}}, "https:// address without user"),
        ({"hosted": {"service": "openai", "endpoint": "file:///etc/passwd"}}, "https:// address"),
        ({"hosted": {"service": "openai", "target": "cloud"}}, "asked for by azure_openai, and by it alone"),
        ({"hosted": {"service": "azure_openai", "target": "cloud"}}, "asked for by azure_openai"),
        ({"hosted": TUNED}, "hosted.target is 'cloud', which is no azure_openai target"),
        ({"hosted": TUNED, "deploy": {"cloud": {"kind": "local"}}}, "which is no azure_openai target"),
        ({"hosted": {"service": "openai", "key": "sk-abc"}}, "String should match pattern"),
        ({"hosted": {"service": "openai", "budget": 0}}, "greater than 0"),
        ({"hosted": {"service": "openai", "api_key": "sk-abc"}}, "Extra inputs"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Client(**{**CLIENT, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "a/b"},
        {"resource_group": "rg/../x"},
        {"subscription": "x"},
        {"api_version": "latest"},
        {"sku": "S0"},
    ],
)
def test_what_would_go_into_an_address_is_checked(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        AzureOpenAITarget(**{**AZURE, **changes})


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"epochs": 51}, {"beta": -1}, {"suffix": "A B"}, {"model": "a b"}, {"seed": -1}]
)
def test_what_a_job_cannot_take_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HostedSettings(**changes)


def test_a_jobs_suffix_fits_the_stricter_service_and_tells_clients_apart() -> None:
    made = [
        JobSpec(client, "here", "m", "supervised", "a", "b", suffix=suffix)
        for client in ("a" * 40, "b" * 40)
        for suffix in (None, "x" * 30)
    ]
    assert all(len(one.full_suffix) <= LONGEST_SUFFIX for one in made)
    assert len({one.full_suffix for one in made}) == len({one.key for one in made}) == 4
