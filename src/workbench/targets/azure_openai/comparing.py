"""Whether a tuned model answers held-out examples as well as what serves now, before it gets traffic.

Texts are not compared with texts: a hosted model does not always say the same. What is compared is the mean score
against the examples' references, of the version and of the deployment that most of the traffic goes to; of the base
model's, while there is none. Both are asked now, at temperature 0, through their own deployments.

The examples are those of the fold that no choice of ``tune`` is made by; which fold an example is in follows from the
example, so no version was trained on them unless the shares of the folds were changed.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.clients import Client
from workbench.errors import DataError, OverBudget, TargetError
from workbench.targets.azure_openai.release import QUESTION, LanguageRelease
from workbench.targets.azure_openai.target import AzureOpenAI
from workbench.targets.azure_openai.token_prices import price_of
from workbench.targets.azure_openai.tokens import counter
from workbench.targets.azure_openai.translate import Filtered
from workbench.targets.names import name_of_version
from workbench.targets.protocol import Doing, Target
from workbench.targets.release import Release
from workbench.targets.smoke import Smoke
from workbench.targets.working import Work

__all__ = ["Comparison", "examples_of"]

Messages = Sequence[Mapping[str, Any]]
MILLION = 1_000_000
QUESTION_TOKENS = 16


@dataclass(frozen=True)
class Comparison:
    """Compares the answers of a version with those of what serves now.

    Attributes:
        project: the project's folder.
        client: whose models they are.
        target: the account.
    """

    project: Path
    client: Client
    target: AzureOpenAI

    def __call__(self, work: Work, target: Target, release: Release, *, tolerance: float) -> Smoke:
        """Ask both.

        Raises:
            OverBudget: it may cost more than ``check.budget`` of the target.
            DataError: the held-out examples are not here, or cannot be read.
            TargetError: another model answers than was registered.
        """
        if not isinstance(release, LanguageRelease) or release.record is None:
            raise TargetError("it is no tuned model of a service", where=self._where)
        check, name = self.target.settings.check, name_of_version(self.client.id, release.version)
        if not check.examples:
            self._answer(work, name, [{"role": "user", "content": QUESTION}], QUESTION_TOKENS, release.record.model)
            return Smoke(release.version, 1, 0.0, tolerance, 1, "the name of the model that answers, and no example")
        examples = examples_of(self.project, self.client.id, check.examples)
        cost = self._refuse_over_budget(release, examples)
        other = self._serving(release)
        mine = self._score(work, name, examples, release.record.model)
        theirs = self._score(work, other, examples)
        says = (
            f"{len(examples)} held-out examples, {check.metric} {mine:.3f} against {theirs:.3f} of deployment {other} "
            f"(tolerance {tolerance:g}; it cost at most {cost})"
        )
        return Smoke(release.version, len(examples), max(0.0, theirs - mine), tolerance, 1, says)

    @property
    def _where(self) -> str:
        return f"client {self.client.id}, target {self.target.name} ({self.target.where})"

    def _serving(self, release: LanguageRelease) -> str:
        """The deployment that most of the traffic goes to, beside the release's; else the base model's."""
        shares = {version: share for version, share in self.target.traffic().items() if version != release.version}
        if shares:
            return name_of_version(self.client.id, max(shares, key=lambda version: (shares[version], version)))
        assert release.record is not None  # noqa: S101 - the caller has looked
        return release.record.base_deployment

    def _score(self, work: Work, deployment: str, examples: Sequence[Messages], model: str | None = None) -> float:
        """The mean over the examples."""
        from workbench.learning.language.scores import exact_match, rouge_l

        check = self.target.settings.check
        score: Callable[[str, str], float] = {"exact_match": exact_match, "rouge_l": rouge_l}[check.metric]
        scores = []
        for number, messages in enumerate(examples):
            work.tell(Doing(False, number / len(examples), f"{deployment} answers"))
            said = self._answer(work, deployment, messages[:-1], check.answer_tokens, model)
            scores.append(score(said, str(messages[-1]["content"])))
        return statistics.fmean(scores)

    def _answer(self, work: Work, deployment: str, prompt: Messages, tokens: int, model: str | None) -> str:
        """What a deployment says; what its content filter refuses is answered with nothing, as in ``tune``."""
        try:
            reply = work.ask(lambda: self.target.ask(deployment, prompt, tokens))
        except Filtered:
            return ""
        if model is not None and reply.model != model:
            raise TargetError(
                f"deployment '{deployment}' answers as model '{reply.model}', and not as the registered '{model}'",
                where=self._where,
                hint=f"`kedro deploy status --env clients/{self.client.id} --target {self.target.name}`",
            )
        return reply.choices[0].message.content or ""

    def _refuse_over_budget(self, release: LanguageRelease, examples: Sequence[Messages]) -> str:
        """What it costs at most, from the longest answers; both models at the price of a tuned one."""
        check, record, hosted = self.target.settings.check, release.record, self.client.hosted
        assert record is not None  # noqa: S101 - the caller has looked
        section = (hosted.prices if hosted else None) or self.target.kind
        price, count = price_of(self.project, section, record.base, self._where), counter(record.base)
        asked = sum(count.messages(messages[:-1]) for messages in examples)
        dearest = max(price.input, price.base_input), max(price.output, price.base_output)
        cost = 2 * (asked * dearest[0] + len(examples) * check.answer_tokens * dearest[1]) / MILLION
        if cost > check.budget:
            raise OverBudget(
                f"comparing {len(examples)} answers may cost {cost:.2f} {price.currency}, and check.budget is "
                f"{check.budget:.2f}; nothing was asked",
                where=self._where,
                hint="lower check.examples or check.answer_tokens of the target in client.yml, or raise check.budget",
            )
        return f"{cost:.4f} {price.currency}"


def examples_of(project: Path, client: str, count: int) -> list[Messages]:
    """Held-out examples that ``tune`` left on this machine: at most so many, always the same.

    Returns:
        Chat messages, the reference answer last.

    Raises:
        DataError: they are not here, or a line is none.
    """
    path = project / "data" / client / "05_model_input/tune_test.jsonl"
    where, hint = f"client {client}, {path.relative_to(project)}", f"`kedro run --pipeline tune --env clients/{client}`"
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise DataError(
            "the held-out examples are not on this machine, so answers cannot be compared",
            where=where,
            hint=f"{hint} makes them; or let the model's name do: `check: {{examples: 0}}` of the target in client.yml",
        ) from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            messages = json.loads(line)["messages"]
            found.append((hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).digest(), messages))
            str(messages[-1]["content"])
        except (ValueError, KeyError, TypeError, IndexError):
            raise DataError(f"line {number} is no chat example", where=where, hint=f"{hint} writes it anew") from None
    if not found:
        raise DataError("there is no held-out example", where=where, hint=f"{hint}, with a larger tune.examples.test")
    return [messages for _, messages in sorted(found, key=lambda one: one[0])[:count]]
