"""Answers of a hosted model, each paid once: what was answered is in a file, and is not asked again.

Call: ``POST /chat/completions`` (https://developers.openai.com/api/reference/resources/chat), of Azure's dated versions
``POST /openai/deployments/{deployment}/chat/completions``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workbench.errors import ModelError
from workbench.hosted.session import Session
from workbench.targets.azure_openai.translate import Filtered, NotThere

__all__ = ["HostedChat", "Journal"]

_LOG = logging.getLogger(__name__)

Messages = Sequence[Mapping[str, Any]]


class Journal:
    """Answers by what was asked, one JSON object a line; a line that was cut off by a crash counts as not written."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._answers: dict[str, str] = {}
        if path.exists():
            for line in path.read_bytes().split(b"\n"):
                try:
                    one = json.loads(line)
                    self._answers[one["key"]] = one["answer"]
                except (ValueError, KeyError, TypeError):
                    continue

    def get(self, key: str) -> str | None:
        """What was answered, or None."""
        return self._answers.get(key)

    def put(self, key: str, answer: str) -> None:
        """Keep an answer; it is on the disk when this returns."""
        line = json.dumps({"key": key, "answer": answer}, ensure_ascii=False).encode()
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as stream:
                # A line break first, too: the last line may have been cut off.
                stream.write(b"\n" + line + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            self._answers[key] = answer


class HostedChat:
    """One model, or deployment, that answers.

    Args:
        session: the account.
        model: name of the model; for Azure, of the deployment.
        journal: where answers are kept.
        identity: what the answers depend on beside the prompt; a deployment's name says little about its model.
        prepare: called before the first question that is not in the journal; it brings up a deployment.
    """

    def __init__(
        self,
        session: Session,
        model: str,
        journal: Journal,
        identity: str,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._session, self._model, self._journal, self._identity = session, model, journal, identity
        self._prepare, self._lock, self._ready_at = prepare, threading.Lock(), 0.0

    def answer(
        self,
        prompts: Sequence[Messages],
        *,
        max_new_tokens: int,
        batch_size: int = 8,
        told: Callable[[int], None] | None = None,
    ) -> list[str]:
        """Answers as likely as can be (temperature 0), in the order of the prompts.

        What the content filter refuses is answered with nothing.

        Args:
            prompts: chat messages, the last one the user's.
            max_new_tokens: longest answer.
            batch_size: how many are asked at once.
            told: hears how many are answered.
        """
        done = 0
        lock = threading.Lock()

        def one(prompt: Messages) -> str:
            nonlocal done
            answer = self._one(prompt, max_new_tokens)
            with lock:
                done += 1
                if told:
                    told(done)
            return answer

        with ThreadPoolExecutor(batch_size) as pool:
            futures = [pool.submit(one, prompt) for prompt in prompts]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, prompt: Messages, max_new_tokens: int) -> str:
        asked = [self._session.account.endpoint, self._identity, list(prompt), max_new_tokens]
        key = hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()
        known = self._journal.get(key)
        if known is not None:
            return known
        self._make_ready()
        try:
            answer = self._patiently(prompt, max_new_tokens)
        except Filtered:
            _LOG.warning("the content filter of %s refused a held-out example; it counts as no answer", self._model)
            answer = ""
        self._journal.put(key, answer)
        return answer

    def _make_ready(self) -> None:
        with self._lock:
            if not self._ready_at:
                self._prepare()
                self._ready_at = time.monotonic()

    def _patiently(self, prompt: Messages, max_new_tokens: int) -> str:
        """Azure answers 404 for some minutes after the resource manager says that a deployment is up."""
        while True:
            try:
                return self._ask(prompt, max_new_tokens)
            except NotThere:
                if time.monotonic() - self._ready_at > self._session.hosted.settle_seconds:
                    raise
                time.sleep(min(5.0, self._session.hosted.poll_seconds))

    def _ask(self, prompt: Messages, max_new_tokens: int) -> str:
        from openai.types.chat import ChatCompletion

        longest = "max_tokens" if self._session.account.is_dated else "max_completion_tokens"
        asked: Any = {"model": self._model, "messages": list(prompt), "temperature": 0, longest: max_new_tokens}
        reply: ChatCompletion = self._session.call(lambda api: api.chat.completions.create(**asked), ChatCompletion)
        if not getattr(reply, "choices", None):
            raise ModelError("the answer is no chat completion", where=f"{self._session.where}, {self._model}")
        return reply.choices[0].message.content or ""
