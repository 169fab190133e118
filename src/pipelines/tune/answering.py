"""A tuned model that answers: one with weights on this machine, or one that a service has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.tune.parameters import TuneParameters
from workbench.datasets import ClientFiles
from workbench.datasets.hosted_model import HostedFolder, HostedModel

if TYPE_CHECKING:
    from workbench.hosted.answers import HostedChat
    from workbench.learning.language import TunedFolder

__all__ = ["Answering", "opened", "tags_of"]

JOURNAL = "data/{}/07_model_output/tune_answers.jsonl"


class Answering(Protocol):
    """What is asked of a tuned model, wherever it is."""

    def answer(
        self, prompts: Sequence[Sequence[Mapping[str, Any]]], *, max_new_tokens: int, batch_size: int = 8
    ) -> list[str]:
        """Answers, in the order of the prompts."""
        ...

    def loss(self, examples: Sequence[Sequence[Mapping[str, Any]]]) -> float:
        """Nats a response token; NaN where a service does not tell."""
        ...

    def as_base(self) -> AbstractContextManager[Answering]:
        """The base model, as long as the block lasts."""
        ...


@contextmanager
def opened(folder: TunedFolder | HostedFolder, files: ClientFiles, parameters: TuneParameters) -> Iterator[Answering]:
    """A tuned model that can be asked, as long as the block lasts."""
    if isinstance(folder, HostedFolder):
        with _hosted(folder.record, files) as hosted:
            yield hosted
    else:
        yield folder.open(parameters.train.device)


def tags_of(folder: TunedFolder | HostedFolder) -> dict[str, str]:
    """What a version in the registry says of it."""
    if isinstance(folder, HostedFolder):
        return folder.record.tags()
    record = folder.record
    return {"base_model": record.base, "base_sha256": record.base_sha256, "method": record.config.method}


class _Hosted:
    """Both models of a hosted tuning."""

    def __init__(self, mine: HostedChat, base: HostedChat | None) -> None:
        self._mine, self._base = mine, base

    def answer(
        self, prompts: Sequence[Sequence[Mapping[str, Any]]], *, max_new_tokens: int, batch_size: int = 8
    ) -> list[str]:
        return self._mine.answer(prompts, max_new_tokens=max_new_tokens, batch_size=batch_size)

    def loss(self, examples: Sequence[Sequence[Mapping[str, Any]]]) -> float:
        return math.nan

    @contextmanager
    def as_base(self) -> Iterator[_Hosted]:
        assert self._base is not None  # noqa: S101 - it is asked of the tuned one
        yield _Hosted(self._base, None)


@contextmanager
def _hosted(record: HostedModel, files: ClientFiles) -> Iterator[_Hosted]:
    from pipelines.tune.hosted import bring_up
    from workbench.hosted.answers import HostedChat, Journal
    from workbench.hosted.session import open_session

    session = open_session(files.project, files.client)
    journal = Journal(files.path(JOURNAL.format(files.client), "the journal of answers"))
    try:
        mine = HostedChat(
            session, record.deployment, journal, record.model, prepare=lambda: bring_up(session, record, files)
        )
        base = HostedChat(session, record.base_deployment, journal, f"{record.base} as {record.base_deployment}")
        yield _Hosted(mine, base)
    finally:
        session.close()
