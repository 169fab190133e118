"""Deployments of an Azure OpenAI account: each is made once, waited for, and taken down.

Calls: ``PUT``, ``GET`` and ``DELETE`` of
``…/providers/Microsoft.CognitiveServices/accounts/{account}/deployments/{name}``
(https://learn.microsoft.com/rest/api/aiservices/accountmanagement/deployments,
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning-deploy). ``PUT`` is idempotent by the name, so a
request without an answer is looked up and, if there is nothing, made again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, ModelError, Transient
from workbench.hosted.ledger import Book, Entry
from workbench.hosted.translate import NotThere
from workbench.targets.azure_openai.arm import Arm

if TYPE_CHECKING:
    from azure.mgmt.cognitiveservices.models import Deployment

__all__ = ["KIND", "Waiting", "deployment_name", "ensure", "look", "remove"]

_LOG = logging.getLogger(__name__)

KIND = "deployment"
VERSION = "1"
"""Of a tuned model there is one version."""


@dataclass(frozen=True)
class Waiting:
    """How long is waited for a deployment.

    Attributes:
        poll_seconds: between two looks.
        deadline_seconds: after that a run stops waiting; the deployment goes on.
        told: hears the state at each look.
    """

    poll_seconds: float = 10.0
    deadline_seconds: float = 3600.0
    told: Callable[[str], None] = lambda state: None


def deployment_name(client: str, key: str) -> str:
    """``<client>-tune-<key>``; of a client and of what the model is made of, and so the same in every run."""
    return f"{client}-tune-{key[:8]}"


def look(arm: Arm, name: str) -> Deployment | None:
    """A deployment as it is, or None."""
    azure = arm.azure
    try:
        return arm.call(lambda api: api.deployments.get(azure.resource_group, azure.account, name))
    except NotThere:
        return None


def ensure(arm: Arm, book: Book, name: str, model: str, *, labels: dict[str, str], waiting: Waiting) -> None:
    """Have a deployment of a model up; a second time does nothing.

    Raises:
        ConfigurationError: the name is another model's, or Azure has no quota or right for it.
        ModelError: Azure could not bring it up.
        Transient: it is not up when the deadline passes.
    """
    facts = {"model": model, "account": arm.azure.account}
    entry = book.get(KIND, name)
    if entry is None or entry.state != "created":
        book.put(Entry(KIND, name, "planned", facts=facts))
    there = look(arm, name)
    _refuse_another(arm, name, model, there)
    if there is None or _state(there) in {"Failed", "Canceled"}:
        _LOG.info("deploying %s as %s on %s", model, name, arm.azure.account)
        _put(arm, name, model, labels)
    _wait(arm, name, waiting)
    book.put(Entry(KIND, name, "created", name, facts))


def remove(arm: Arm, book: Book, name: str, waiting: Waiting) -> bool:
    """Take a deployment down; the tuned model itself stays at the service. False if there was none."""
    azure = arm.azure
    entry = book.get(KIND, name) or Entry(KIND, name, "created", name)
    book.put(Entry(KIND, name, "deleting", name, entry.facts))
    was = look(arm, name) is not None
    if was:
        with suppress(NotThere):
            arm.call(lambda api: api.deployments.begin_delete(azure.resource_group, azure.account, name, polling=False))
        deadline = time.monotonic() + waiting.deadline_seconds
        while look(arm, name) is not None:
            if time.monotonic() > deadline:
                raise Transient(f"deployment {name} is still there", where=arm.where, hint="run the same command again")
            waiting.told("Deleting")
            time.sleep(waiting.poll_seconds)
    book.put(Entry(KIND, name, "gone", name, entry.facts))
    return was


def _put(arm: Arm, name: str, model: str, labels: dict[str, str]) -> None:
    from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku

    azure = arm.azure
    wanted = Deployment(
        sku=Sku(name=azure.sku, capacity=azure.capacity),
        tags=labels,
        properties=DeploymentProperties(model=DeploymentModel(format="OpenAI", name=model, version=VERSION)),
    )
    arm.call(
        lambda api: api.deployments.begin_create_or_update(
            azure.resource_group, azure.account, name, wanted, polling=False
        )
    )


def _wait(arm: Arm, name: str, waiting: Waiting) -> None:
    deadline = time.monotonic() + waiting.deadline_seconds
    while True:
        found = look(arm, name)
        state = "not listed yet" if found is None else _state(found)
        waiting.told(state)
        if state == "Succeeded":
            return
        if state in {"Failed", "Canceled", "Disabled"}:
            raise ModelError(
                f"deployment {name} is {state}",
                where=arm.where,
                hint="Azure's activity log has the reason; the same command tries again",
            )
        if time.monotonic() > deadline:
            raise Transient(
                f"deployment {name} is still {state}", where=arm.where, hint="run the same command again: it goes on"
            )
        time.sleep(waiting.poll_seconds)


def _refuse_another(arm: Arm, name: str, model: str, there: Any) -> None:
    properties = getattr(there, "properties", None)
    present = getattr(getattr(properties, "model", None), "name", None)
    if present is not None and present != model:
        raise ConfigurationError(
            f"deployment {name} is there already, of another model",
            where=arm.where,
            hint="take it down by hand if nobody uses it",
        )


def _state(deployment: Deployment) -> str:
    properties = deployment.properties
    return str(getattr(properties, "provisioning_state", None) or "Accepted")
