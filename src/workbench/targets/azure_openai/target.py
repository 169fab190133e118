"""Azure OpenAI as a target: a deployment a version, and a share of the traffic as a tag of each.

Azure OpenAI splits no traffic between deployments. So the shares stand where everybody who may call them can read them,
on the deployments themselves (tag ``workbench-traffic``), and whoever calls chooses by :func:`choose`: the same key
always reaches the same version as long as the shares stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.clients.targets import AzureOpenAITarget
from workbench.errors import TargetError, Unreachable
from workbench.secrets import ClientSecrets
from workbench.targets.azure_openai.api import azure_account
from workbench.targets.azure_openai.arm import Arm
from workbench.targets.azure_openai.connection import Connection
from workbench.targets.azure_openai.parts import DeploymentPart
from workbench.targets.azure_openai.release import LanguageRelease
from workbench.targets.azure_openai.translate import NotThere, not_the_api
from workbench.targets.cost import Cost, Line
from workbench.targets.names import name_of_version, version_of_name
from workbench.targets.prices import HOURS, Prices
from workbench.targets.protocol import Answered, Doing
from workbench.targets.release import Release

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

__all__ = ["TRAFFIC", "AzureOpenAI", "choose"]

TRAFFIC = "workbench-traffic"
"""The tag with a version's percentage."""
DEVELOPER = "DeveloperTier"
"""Without a fee by the hour, for trials: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tune-test."""
ANSWER_TOKENS = 64


def choose(traffic: Mapping[int, int], key: str) -> int:
    """The version that a caller's key goes to.

    Args:
        traffic: version to percentage.
        key: of a user, a conversation, a document: what should always get the same version.

    Raises:
        TargetError: nothing has traffic.
    """
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64 * sum(traffic.values())
    for version, share in sorted(traffic.items()):
        place -= share
        if place < 0:
            return version
    raise TargetError("no deployment has traffic", hint="`kedro deploy status` shows what there is")


class AzureOpenAI:
    """One account, for one client.

    Args:
        client: the client's id.
        name: of the target, as the client's configuration calls it.
        settings: what it says of it.
        secrets: the client's.
    """

    kind = "azure_openai"
    can_pin = True
    caution = "Azure OpenAI splits no traffic: the shares are tags on the deployments, and callers choose by them"

    def __init__(self, client: str, name: str, settings: AzureOpenAITarget, secrets: ClientSecrets) -> None:
        self.client, self.name, self.settings = client, name, settings
        self.where = f"Azure OpenAI, account {settings.account} in {settings.resource_group}"
        self.arm = Arm(client, settings, secrets)
        self._data = Connection(azure_account(settings), secrets, self.where)

    def parts(self, release: Release) -> Sequence[DeploymentPart]:
        """The deployment of a release."""
        record = release.record if isinstance(release, LanguageRelease) else None
        name = name_of_version(self.client, release.version)
        return [DeploymentPart(self.arm, name, record.model if record else "", release.labels, release.version)]

    def versions(self) -> Sequence[int]:
        """Those that are deployed, up or not."""
        return sorted(self._deployed())

    def traffic(self) -> Mapping[int, int]:
        """As the tags say."""
        shares = ((version, found.tags.get(TRAFFIC, "0")) for version, found in self._deployed().items())
        return {version: int(share) for version, share in shares if share.isdecimal() and int(share) > 0}

    def split(self, traffic: Mapping[int, int]) -> str:
        """Set the tags: those that gain first, so that there is always somebody to answer.

        Raises:
            TargetError: a version that is to get some is not deployed; nothing was changed then.
        """
        before = self.traffic()
        parts = {version: self.parts(Release(self.client, version))[0] for version in {*self.versions(), *traffic}}
        found = {version: part.find() for version, part in parts.items()}
        missing = [version for version, share in sorted(traffic.items()) if share and found[version] is None]
        if missing:
            raise TargetError(f"version {missing[0]} is not deployed", where=self.where, hint="`kedro deploy apply`")
        for version in sorted(found, key=lambda one: before.get(one, 0) - traffic.get(one, 0)):
            there, share = found[version], traffic.get(version, 0)
            if there is not None and before.get(version, 0) != share:
                parts[version].tag(there, {TRAFFIC: str(share)})
        return ""

    def poll(self, operation: str) -> Doing:
        """Tags are set at once."""
        return Doing(True)

    def predict(self, rows: Sequence[Mapping[str, Any]], version: int) -> Answered:
        """Ask the version's own deployment; the prediction is what it says, beside the name of the model that did."""
        name = name_of_version(self.client, version)
        replies = [self.ask(name, [{"role": "user", "content": str(row["prompt"])}], ANSWER_TOKENS) for row in rows]
        said = [{"prediction": one.choices[0].message.content or "", "model": one.model} for one in replies]
        return Answered(version, said)

    def ask(self, deployment: str, messages: Sequence[Mapping[str, Any]], tokens: int) -> ChatCompletion:
        """What a deployment answers to chat messages, at temperature 0; one attempt.

        Args:
            deployment: its name.
            messages: the user's last.
            tokens: longest answer.
        """
        from openai.types.chat import ChatCompletion

        longest = "max_tokens" if self._data.account.is_dated else "max_completion_tokens"
        asked: Any = {"model": deployment, "messages": list(messages), "temperature": 0, longest: tokens}
        try:
            reply: ChatCompletion = self._data.once(lambda api: api.chat.completions.create(**asked))
        except NotThere:
            # Azure answers so for some minutes after the resource manager says that a deployment is up.
            raise Unreachable(
                f"deployment '{deployment}' does not answer yet",
                where=self.where,
                hint="try again in some minutes; if it stays so, see that it is there",
            ) from None
        if not isinstance(reply, ChatCompletion) or not reply.choices:
            raise not_the_api(self.where, "no chat completion")
        return reply

    def cost(self, prices: Prices) -> Cost:
        """Hosting alone: an hour costs the same whether the deployment is asked or not; tokens come on top."""
        section, sku = prices.targets.get(self.kind), self.settings.sku
        rates = section.rates if section else {}
        unknown: tuple[str, ...] = ("tokens that are asked and answered",)
        if sku == DEVELOPER:
            unknown = (*unknown, "a new deployment each day: Azure takes one of this sku down after 24 hours")
        # What a developer's deployment costs must not be taken from those that cost by the hour.
        rate = rates.get(f"hosting {sku}") or (None if sku == DEVELOPER else rates.get("hosting"))
        if section is None or rate is None:
            return Cost((), prices.currency, str(prices.day), (f"hosting of {self.kind}, {sku}", *unknown))
        line = Line(f"a tuned model's deployment, {sku}", HOURS, rate.unit, rate.price, section.source)
        return Cost((line,), prices.currency, str(prices.day), unknown)

    def close(self) -> None:
        """Let go of connections."""
        self.arm.close()
        self._data.close()

    def _deployed(self) -> dict[int, Any]:
        """Deployments of this client by version."""
        azure = self.settings
        listed = self.arm.call(lambda api: list(api.deployments.list(azure.resource_group, azure.account)))
        named = {version_of_name(self.client, str(one.name)): one for one in listed}
        return {
            version: one
            for version, one in named.items()
            if version is not None and (one.tags or {}).get("client") == self.client
        }
