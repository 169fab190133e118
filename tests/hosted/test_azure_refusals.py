"""What Azure's resource manager, Entra ID and a deployment refuse: each as an error that says what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from azure.core import exceptions
from azure.identity import ClientSecretCredential, DefaultAzureCredential, EnvironmentCredential
from double_service import Answer, Fault
from hosted_world import MODEL, World

from workbench.clients import ClientRegistry
from workbench.clients.targets import AzureOpenAITarget
from workbench.datasets.hosted_model import HostedModel
from workbench.errors import ConfigurationError, TargetError, Unreachable
from workbench.secrets import secrets_of
from workbench.targets.azure_openai.api import open_api
from workbench.targets.azure_openai.arm import Arm, _translated
from workbench.targets.azure_openai.comparing import Comparison
from workbench.targets.azure_openai.entra import credential
from workbench.targets.azure_openai.evaluations import DEPLOYMENT, superseding
from workbench.targets.azure_openai.parts import DeploymentPart
from workbench.targets.azure_openai.release import LanguageRelease
from workbench.targets.azure_openai.target import AzureOpenAI
from workbench.targets.azure_openai.token_prices import price_of
from workbench.targets.azure_openai.translate import NotThere, Throttled, Unauthorised
from workbench.targets.release import Release

AUTHORITY = "https://login.microsoftonline.com"
ASKED = [{"role": "user", "content": "x"}]


def answered(status: int, code: str = "", message: str = "no", **headers: str) -> exceptions.HttpResponseError:
    """As the SDK raises an answer of the resource manager."""
    kind = exceptions.ClientAuthenticationError if status == 401 else exceptions.HttpResponseError
    error = kind(message)
    error.status_code, error.response = status, SimpleNamespace(headers=headers)  # type: ignore[assignment]
    error.error = SimpleNamespace(code=code)  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (exceptions.DecodeError("x"), Unreachable, r"the answer is not the API's \(DecodeError\)"),
        (answered(200), Unreachable, r"the answer is not the API's \(no deployment\)"),
        (answered(429, "TooManyRequests", **{"retry-after": "7"}), Throttled, "too much to do.*429 TooManyRequests"),
        (answered(409, "RequestConflict"), Unreachable, "too much to do, or is down .409 RequestConflict"),
        (answered(409, "SkuNotAllowed"), TargetError, "Azure refuses .409 SkuNotAllowed: no"),
        (answered(408), Unreachable, "too much to do, or is down .408.:|too much to do, or is down .408."),
        (answered(404, "ResourceNotFound"), NotThere, "there is no such deployment .404"),
        (answered(404, "SubscriptionNotFound"), TargetError, "Azure refuses .404 SubscriptionNotFound"),
        (answered(401, "ExpiredAuthenticationToken"), Unauthorised, "Azure refuses the token .401 Expired"),
        (answered(401, "", "AADSTS7000215: Invalid client secret"), TargetError, "gives no token .AADSTS7000215"),
        (exceptions.ServiceResponseError("x"), Unreachable, "it cannot be reached, or hung up"),
        (ValueError("x"), Unreachable, r"the answer is not the API's \(ValueError\)"),
    ],
)
def test_what_the_sdk_raises(raised: Exception, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught, _translated("client acme"):
        raise raised
    assert type(caught.value) is kind
    assert getattr(caught.value, "retry_after", None) == (7 if kind is Throttled else None)


def test_without_a_principal_the_machines_own_login_counts_and_nobodys_environment(
    azure: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with credential(secrets_of(azure.project, "acme"), AUTHORITY) as own:  # type: ignore[attr-defined]
        assert isinstance(own, ClientSecretCredential)
    monkeypatch.delenv("ACME__AZURE_CLIENT_SECRET")
    with credential(secrets_of(azure.project, "acme"), AUTHORITY) as found:  # type: ignore[attr-defined]
        assert isinstance(found, DefaultAzureCredential)
        assert not any(isinstance(one, EnvironmentCredential) for one in found.credentials)


def test_a_tenant_that_cannot_be_one_is_refused(azure: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME__AZURE_TENANT_ID", "not a tenant/at all")
    with pytest.raises(ConfigurationError, match="client acme, AZURE_TENANT_ID: the tenant's id or the authority"):
        credential(secrets_of(azure.project, "acme"), AUTHORITY)


@pytest.fixture
def target(azure: World) -> Any:
    made = AzureOpenAI("acme", "cloud", AzureOpenAITarget(**azure.deploy), secrets_of(azure.project, "acme"))
    yield made
    made.close()


def record(model: str = MODEL) -> HostedModel:
    return HostedModel("azure_openai", "here", MODEL, model, "job", "supervised", "d", "base", "a", "b")


@pytest.mark.parametrize("release", [Release("acme", 3), LanguageRelease("acme", 3)], ids=["a table's", "no record"])
def test_what_is_no_tuned_model_is_neither_compared_nor_superseding(
    azure: World, target: AzureOpenAI, release: Release
) -> None:
    compare = Comparison(azure.project, ClientRegistry(azure.project).load("acme"), target)
    nobody: Any = None
    with pytest.raises(TargetError, match="it is no tuned model of a service"):
        compare(nobody, target, release, tolerance=0.1)
    azure.book.plan(DEPLOYMENT, "acme-tune-0a1b2c3d", None, {"model": MODEL})
    superseding(azure.project, target.arm, nobody)(release)
    assert azure.openai is not None
    assert azure.arm is not None
    assert (azure.openai.requests, azure.arm.requests) == ([], [])


def test_a_deployment_that_somebody_took_down_meanwhile_is_gone(azure: World) -> None:
    assert azure.arm is not None
    arm = Arm("acme", AzureOpenAITarget(**azure.deploy), secrets_of(azure.project, "acme"))
    part = DeploymentPart(arm, "workbench-acme-v3", MODEL)
    part.create()
    found = part.find()
    assert found is not None
    gone = {"error": {"code": "ResourceNotFound", "message": "not found"}}
    azure.arm.faults.append(Fault("DELETE /subscriptions/", answer=Answer(404, gone)))
    assert part.delete(found) == ""
    arm.close()


def test_traffic_for_what_is_not_deployed_is_refused_before_anything_is_changed(
    azure: World, target: AzureOpenAI
) -> None:
    assert azure.arm is not None
    (part,) = target.parts(LanguageRelease("acme", 3, record=record()))
    part.create()
    target.split({3: 100})
    assert target.traffic() == {3: 100}
    with pytest.raises(TargetError, match="version 4 is not deployed.*kedro deploy apply"):
        target.split({4: 100})
    assert target.traffic() == {3: 100}


def test_an_answer_without_a_choice_is_not_the_apis(azure: World, target: AzureOpenAI) -> None:
    assert azure.openai is not None
    empty = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "base", "choices": []}
    for answer in (Answer(200, empty), Answer(200, b"<html>portal</html>", {"Content-Type": "text/html"})):
        azure.openai.faults.append(Fault("chat/completions", answer=answer))
        with pytest.raises(Unreachable, match="the answer is not the API's"):
            target.ask("base", ASKED, 5)
    assert target.ask("base", ASKED, 5).choices[0].message.content


def test_a_key_that_was_changed_is_fetched_once(
    azure: World, target: AzureOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert azure.openai is not None
    opened: list[Any] = []
    monkeypatch.setattr(
        "workbench.targets.azure_openai.connection.open_api",
        lambda *arguments: opened.append(open_api(*arguments)) or opened[-1],
    )
    target.ask("base", ASKED, 5)
    azure.openai.keys = {"a-new-key-0987654321"}
    monkeypatch.setenv("ACME__AZURE_OPENAI_API_KEY", "a-new-key-0987654321")
    assert target.ask("base", ASKED, 5).choices
    azure.openai.keys = {"nobody-knows-it"}
    before = len(azure.openai.requests)
    with pytest.raises(Unauthorised, match="it refuses the key or token"):
        target.ask("base", ASKED, 5)
    assert len(azure.openai.requests) == before + 2
    assert [api.is_closed() for api in opened] == [False] * 3, "another thread may wait for an answer of the first"
    target.close()
    assert [api.is_closed() for api in opened] == [True] * 3


def test_a_price_without_its_other_half_is_none(azure: World) -> None:
    path = azure.project / "conf/base/prices.yml"
    path.write_text(path.read_text().replace("gpt-4.1-mini-2025-04-14 output", "gpt-4.1-mini-2025-04-14 ouptut"))
    with pytest.raises(ConfigurationError, match="there is no rate 'gpt-4.1-mini-2025-04-14 output'.*add it"):
        price_of(azure.project, "azure_openai", MODEL, "client acme")
