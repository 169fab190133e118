"""Azure OpenAI as a target: deployments through the real SDK and the resource manager's double."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import arm_double
import pytest
from double_service import Answer, Fault
from hosted_killing import killed_at
from hosted_world import MODEL, World

from workbench.clients import ClientRegistry
from workbench.clients.targets import AzureOpenAITarget
from workbench.datasets.hosted_model import HostedModel
from workbench.errors import DataError, ModelError, OverBudget, TargetError, Terminal, Unreachable
from workbench.registry.models import SHA256
from workbench.secrets import secrets_of
from workbench.targets.azure_openai.arm import Arm
from workbench.targets.azure_openai.comparing import Comparison, examples_of
from workbench.targets.azure_openai.parts import DeploymentPart
from workbench.targets.azure_openai.release import LanguageRelease, language_release
from workbench.targets.azure_openai.target import AzureOpenAI, choose
from workbench.targets.azure_openai.translate import Unauthorised
from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment
from workbench.targets.prices import prices_of
from workbench.targets.release import Release
from workbench.targets.working import Silence, Work


def release(version: int) -> LanguageRelease:
    """A version whose model the double knows; two versions have two models."""
    model = MODEL if version == 3 else f"{MODEL}-v{version}"
    record = HostedModel("azure_openai", "here", MODEL, model, "job", "supervised", "d", "base", "a", "b")
    return LanguageRelease("acme", version, f"{version:064x}", "run1", record=record)


@pytest.fixture
def target(azure: World) -> Any:
    settings = AzureOpenAITarget(**azure.deploy)
    made = AzureOpenAI("acme", "cloud", settings, secrets_of(azure.project, "acme"))
    yield made
    made.close()


@pytest.fixture
def deploy(azure: World) -> Iterator[Callable[..., Deployment]]:
    azure.hold_out(["I do not know.", "Perhaps."])
    targets: list[AzureOpenAI] = []

    def opened(scale: float = 0.05, budget: float | None = None) -> Deployment:
        settings = AzureOpenAITarget(**azure.deploy)
        target = AzureOpenAI("acme", "cloud", settings, secrets_of(azure.project, "acme"))
        targets.append(target)
        book = Book(azure.project, "acme", "cloud")
        work = Work(target, "acme", book, Silence(), poll_seconds=0.01, deadline_seconds=10, scale=scale)
        prices = prices_of(azure.project)
        compare = Comparison(azure.project, ClientRegistry(azure.project).load("acme"), target)
        return Deployment(
            azure.project,
            "acme",
            target,
            work,
            book,
            prices=prices,
            releases=release,
            tolerance=settings.tolerance,
            budget=budget,
            compare=compare,
        )

    yield opened
    for target in targets:
        target.close()


def shares(azure: World) -> dict[str, str]:
    return {name: one.tags.get("workbench-traffic", "0") for name, one in sorted(azure.arm.deployments.items())}


def test_applied_canaried_promoted_rolled_back_and_taken_down(azure: World, deploy: Callable[..., Deployment]) -> None:
    plan = deploy().plan(release(3))
    assert [step.action for step in plan.steps] == ["create"]
    assert plan.cost.monthly == pytest.approx(730 * 1.70)
    assert azure.arm.deployments == {}
    done = deploy().apply(release(3))
    assert done.smoke is not None
    assert done.smoke.ok
    assert shares(azure) == {"workbench-acme-v3": "100"}
    assert deploy().plan(release(3)).is_empty
    assert azure.arm.deployments["workbench-acme-v3"].tags["client"] == "acme"
    deploy().apply(release(4))
    deploy().canary(10)
    assert shares(azure) == {"workbench-acme-v3": "90", "workbench-acme-v4": "10"}
    deploy().rollback()
    assert shares(azure) == {"workbench-acme-v3": "100", "workbench-acme-v4": "0"}
    deploy().apply(release(4))
    deploy().promote()
    assert shares(azure) == {"workbench-acme-v3": "0", "workbench-acme-v4": "100"}
    deploy().rollback()
    assert shares(azure)["workbench-acme-v3"] == "100"
    deploy().destroy()
    assert azure.arm.deployments == {}
    assert azure.arm.quota == 10


def killed(azure: World, action: Callable[[], Any]) -> int:
    """Killed after its first call, its second, … until it comes to its end; how many calls that were."""
    for call in range(200):
        status = killed_at(call, action, azure.openai, azure.arm)
        if status == 0:
            return call
        assert status == -signal.SIGKILL
    raise AssertionError("it never came to its end")


@pytest.mark.slow
def test_an_apply_is_killed_after_each_remote_call(azure: World, deploy: Callable[..., Deployment]) -> None:
    assert killed(azure, lambda: deploy().apply(release(3))) > 3
    assert shares(azure) == {"workbench-acme-v3": "100"}
    book = Book(azure.project, "acme", "cloud")
    assert (book.rollout(), [row.state for row in book.resources()]) == (Rollout(3), ["created"])


@pytest.mark.slow
def test_killed_after_each_remote_call(azure: World, deploy: Callable[..., Deployment]) -> None:
    killed(azure, lambda: deploy().apply(release(3)))
    killed(azure, lambda: deploy().apply(release(4)))
    killed(azure, lambda: deploy().canary(10))
    assert shares(azure) == {"workbench-acme-v3": "90", "workbench-acme-v4": "10"}
    killed(azure, lambda: deploy().promote())
    assert shares(azure) == {"workbench-acme-v3": "0", "workbench-acme-v4": "100"}
    book = Book(azure.project, "acme", "cloud")
    assert book.rollout() == Rollout(4, None, 3)
    assert {row.state for row in book.resources()} == {"created"}
    killed(azure, lambda: deploy().destroy())
    assert azure.arm.deployments == {}
    assert book.resources() == []


def test_a_deployment_of_another_model_is_left_alone(azure: World, deploy: Callable[..., Deployment]) -> None:
    deploy().apply(release(3))
    azure.arm.deployments["workbench-acme-v3"].properties.model.name = "somebody-elses"
    with pytest.raises(TargetError, match="is another model's.*nothing of it was changed"):
        deploy().apply(release(3))


def test_without_quota_it_says_what_to_ask_for(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.arm.quota = 0
    with pytest.raises(TargetError, match=r"400 InsufficientQuota: .*bigger than.*Next: ask for more quota") as caught:
        deploy().apply(release(3))
    assert len(azure.arm.calls("PUT")) == 1
    assert arm_double.SECRET not in str(caught.value)
    (row,) = Book(azure.project, "acme", "cloud").resources()
    assert (row.state, row.name) == ("planned", "workbench-acme-v3")
    azure.arm.quota = 1
    deploy().apply(release(3))


def test_what_cannot_come_up_is_said(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.arm.outcome = "Failed"
    with pytest.raises(TargetError, match="deployment 'workbench-acme-v3' is Failed.*activity log"):
        deploy().apply(release(3))


def test_a_wrong_account_is_explained(azure: World, target: AzureOpenAI) -> None:
    azure.deploy["account"] = "nobodys"
    wrong = AzureOpenAI("acme", "cloud", AzureOpenAITarget(**azure.deploy), secrets_of(azure.project, "acme"))
    with pytest.raises(TargetError, match="404 ParentResourceNotFound.*see `deploy` in client.yml"):
        wrong.versions()
    wrong.close()


FAULTS: dict[str, dict[str, Any]] = {
    "429": {"answer": Answer(429, {"error": {"code": "TooManyRequests", "message": "slow"}}, {"Retry-After": "0"})},
    "503": {"answer": Answer(503, {"error": {"code": "ServerBusy", "message": "busy"}})},
    "409": {"answer": Answer(409, {"error": {"code": "RequestConflict", "message": "another operation"}})},
    "html": {"answer": Answer(200, b"<html>portal</html>", {"Content-Type": "text/html"})},
    "half": {"answer": Answer(200, b'{"name": "x", "prop', {"Content-Type": "application/json"})},
    "before": {"drop": "before"},
    "after": {"drop": "after"},
    "truncated": {"truncate": 20},
}


@pytest.mark.parametrize("method", ["PUT", "GET", "PATCH"])
@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[] if name in {"429", "html", "after"} else pytest.mark.slow) for name in FAULTS]
)
def test_each_call_survives(azure: World, deploy: Callable[..., Deployment], fault: str, method: str) -> None:
    azure.arm.faults.append(Fault(f"{method} /subscriptions/.*/deployments/", **FAULTS[fault]))
    deploy().apply(release(3))
    assert shares(azure) == {"workbench-acme-v3": "100"}


def test_what_stays_down_may_pass_later(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.arm.faults.append(Fault("/subscriptions/", answer=Answer(500, {"error": {"code": "X"}}), times=99))
    with pytest.raises(Unreachable, match=r"client acme, Azure account double-account: it has too much to do.*500"):
        deploy().apply(release(3))


def test_a_manager_that_says_nothing_is_not_waited_for(azure: World) -> None:
    settings = AzureOpenAITarget(**azure.deploy)
    arm = Arm("acme", settings, secrets_of(azure.project, "acme"), timeout_seconds=0.3)
    azure.arm.faults.append(Fault("GET /subscriptions/", delay=2))
    with pytest.raises(Unreachable, match="it cannot be reached, or hung up"):
        DeploymentPart(arm, "workbench-acme-v3", "").find()
    assert len(azure.arm.calls("GET /subscriptions/")) == 1
    arm.close()


def test_a_token_is_fetched_anew_once(azure: World, target: AzureOpenAI) -> None:
    target.versions()
    azure.arm.tokens.clear()  # revoked in mid-run
    target.versions()
    assert len(azure.arm.calls("POST .*/token")) == 2
    refused = Answer(401, {"error": {"code": "InvalidAuthenticationToken", "message": "no"}})
    azure.arm.faults.append(Fault("/subscriptions/", answer=refused, times=9))
    before = len(azure.arm.calls("GET /subscriptions/"))
    with pytest.raises(Unauthorised, match="401 InvalidAuthenticationToken.*roles"):
        target.versions()
    assert len(azure.arm.calls("GET /subscriptions/")) == before + 2


def test_a_wrong_principal_is_explained_without_its_secret(azure: World, target: AzureOpenAI) -> None:
    azure.arm.secret = "changed"
    with pytest.raises(Terminal, match=r"Entra ID gives no token \(AADSTS7000215\).*AZURE_CLIENT_SECRET") as caught:
        target.versions()
    assert arm_double.SECRET not in str(caught.value)


def test_a_part_of_the_principal_that_is_missing_is_named(
    azure: World, target: AzureOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME__AZURE_TENANT_ID")
    with pytest.raises(Terminal, match="there is no secret AZURE_TENANT_ID"):
        target.versions()


def test_the_data_plane_is_behind(azure: World, deploy: Callable[..., Deployment]) -> None:
    gone = Answer(404, {"error": {"code": "DeploymentNotFound", "message": "does not exist"}})
    azure.openai.faults.append(Fault("POST .*/chat/completions", answer=gone, times=2))
    assert deploy().apply(release(3)).smoke.ok


def test_an_answer_of_another_model_gets_no_traffic(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.openai.deployments = lambda: dict.fromkeys(azure.arm.up(), "somebody-elses")
    with pytest.raises(TargetError, match="answers as model 'somebody-elses', and not as the registered 'gpt-4.1"):
        deploy().apply(release(3))
    assert shares(azure) == {"workbench-acme-v3": "0"}


def test_answers_are_compared_with_the_base_and_then_with_what_serves(
    azure: World, deploy: Callable[..., Deployment]
) -> None:
    azure.hold_out(["yes", "yes", "no"])
    # What the base, and with it version 3, says.
    azure.openai.says = {MODEL: "no", f"{MODEL}-v4": "yes", f"{MODEL}-v5": "maybe"}
    first = deploy().apply(release(3)).smoke
    assert (first.rows, first.difference) == (3, 0.0)
    assert "3 held-out examples, rouge_l 0.333 against 0.333 of deployment base (tolerance 0.05" in first.says
    deploy().apply(release(4))
    better = deploy().canary(10).smoke
    assert "rouge_l 0.667 against 0.333 of deployment workbench-acme-v3" in better.says
    # Half of the traffic and more: what serves now is still the other one.
    deploy().canary(90)
    assert "against 0.333 of deployment workbench-acme-v3" in deploy().promote().smoke.says
    deploy().apply(release(5))
    worse = (
        "version 5 answers worse than what serves now: 3 held-out .* rouge_l 0.000 against 0.667 .*workbench-acme-v4"
    )
    with pytest.raises(TargetError, match=worse):
        deploy().canary(10)
    with pytest.raises(TargetError, match=worse):
        deploy().promote()
    assert shares(azure) == {"workbench-acme-v3": "0", "workbench-acme-v4": "100", "workbench-acme-v5": "0"}


def test_a_little_worse_is_within_the_tolerance(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.hold_out([*["yes"] * 9, "no"])
    azure.openai.says = {MODEL: "yes", f"{MODEL}-v4": "no"}
    azure.deploy |= {"tolerance": 0.8, "check": {"metric": "exact_match"}}
    deploy().apply(release(3))
    deploy().apply(release(4))
    compared = deploy().canary(10).smoke
    assert compared.difference == pytest.approx(0.8)
    assert "exact_match 0.100 against 0.900" in compared.says


def test_so_many_examples_are_asked_as_are_configured(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.hold_out(["yes"] * 30)
    azure.deploy["check"] = {"examples": 4}
    assert deploy().apply(release(3)).smoke.rows == 4
    assert len(azure.openai.chats) == 8
    azure.deploy["check"] = {"examples": 0}
    deploy().apply(release(4))
    assert "the name of the model that answers" in deploy().canary(10).smoke.says
    assert azure.openai.chats[8:] == [(f"{MODEL}-v4", "Answer with the word ready.")]


def test_a_comparison_over_its_budget_asks_nothing(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.hold_out(["yes"] * 200)
    azure.deploy["check"] = {"examples": 200, "answer_tokens": 1000, "budget": 0.5}
    with pytest.raises(OverBudget, match=r"comparing 200 answers may cost 0\.7\d USD, and check.budget is 0.50"):
        deploy().apply(release(3))
    assert azure.openai.chats == []
    assert shares(azure) == {"workbench-acme-v3": "0"}


def test_what_the_content_filter_refuses_counts_as_no_answer(azure: World, deploy: Callable[..., Deployment]) -> None:
    azure.hold_out(["I do not know."])
    filtered = Answer(400, {"error": {"code": "content_filter", "message": "The response was filtered"}})
    azure.openai.faults.append(Fault("POST .*/chat/completions", answer=filtered, times=1))
    with pytest.raises(TargetError, match=r"rouge_l 0.000 against 1.000 of deployment base"):
        deploy().apply(release(3))


def test_without_held_out_examples_it_says_what_to_do(azure: World) -> None:
    path = azure.project / "data/acme/05_model_input/tune_test.jsonl"
    with pytest.raises(DataError, match=r"not on this machine.*tune_test.jsonl|tune_test.jsonl.*not on this machine"):
        examples_of(azure.project, "acme", 5)
    azure.hold_out(["yes"])
    path.write_text(path.read_text() + '{"messages": [{"role": "user"}]}\n')
    with pytest.raises(DataError, match="line 2 is no chat example"):
        examples_of(azure.project, "acme", 5)
    path.write_text("\n")
    with pytest.raises(DataError, match="there is no held-out example"):
        examples_of(azure.project, "acme", 5)


def test_the_same_examples_are_asked_each_time(azure: World) -> None:
    azure.hold_out([str(number) for number in range(20)])
    path = azure.project / "data/acme/05_model_input/tune_test.jsonl"
    before = examples_of(azure.project, "acme", 7)
    path.write_text("".join(sorted(path.read_text().splitlines(keepends=True), reverse=True)))
    assert examples_of(azure.project, "acme", 7) == before


def test_a_login_by_entra_serves_the_data_plane_too(azure: World) -> None:
    azure.openai.keys = azure.arm.tokens
    azure.deploy["login"] = "entra"
    target = AzureOpenAI("acme", "cloud", AzureOpenAITarget(**azure.deploy), secrets_of(azure.project, "acme"))
    (part,) = target.parts(release(3))
    part.create()
    while not part.find().ready:
        pass
    answered = target.predict([{"prompt": "hello"}], 3)
    assert answered.predictions == [{"prediction": "I do not know.", "model": MODEL}]
    target.close()


def test_a_version_of_the_registry_is_a_release(azure: World, monkeypatch: pytest.MonkeyPatch) -> None:
    azure.tune()
    found = language_release(azure.project, "acme")
    assert (found.version, found.record.model) == (1, next(iter(azure.openai.jobs.values())).job.fine_tuned_model)
    assert language_release(azure.project, "acme", 1).sha256 == found.sha256
    with pytest.raises(Terminal, match="there is no version 9"):
        language_release(azure.project, "acme", 9)
    monkeypatch.setattr("workbench.datasets.hosted_model.RECORD", "another.json")
    with pytest.raises(ModelError, match=r"it has its weights here.*tune\.hosted\.model"):
        language_release(azure.project, "acme")
    azure.store.api.set_model_version_tag("acme-tune", "1", SHA256, "0" * 64)
    with pytest.raises(ModelError, match="its files are not those that were registered"):
        language_release(azure.project, "acme")


def test_a_release_without_files_has_its_name(target: AzureOpenAI) -> None:
    (part,) = target.parts(Release("acme", 7))
    assert (part.name, part.version, "model" in part.wanted) == ("workbench-acme-v7", 7, False)


def test_callers_are_shared_out_by_their_keys() -> None:
    keys = [f"user {number}" for number in range(4000)]
    got = [choose({3: 90, 4: 10}, key) for key in keys]
    assert 0.08 < got.count(4) / len(got) < 0.12
    assert got == [choose({3: 90, 4: 10}, key) for key in keys]
    assert {choose({4: 100}, key) for key in keys} == {4}
    with pytest.raises(TargetError, match="no deployment has traffic"):
        choose({}, "x")
