"""How near an answer is to the reference."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

__all__ = ["exact_match", "rouge_l"]


def exact_match(answer: str, reference: str) -> float:
    """1 if they are the same but for Unicode form (NFKC) and white space, else 0."""
    return float(_normal(answer) == _normal(reference))


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L's F measure: the longest common subsequence of words, of any script, without case.

    Lin: "ROUGE: a package for automatic evaluation of summaries" (2004), section 3.1, as in the package
    ``rouge-score``, whose own tokenizer would see Latin letters only.
    """
    if not _words(reference):
        return exact_match(answer, reference)
    return float(_scorer().score(reference, answer)["rougeL"].fmeasure)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    class Words:
        """What ``rouge-score`` asks of a tokenizer."""

        def tokenize(self, text: str) -> list[str]:
            """Words of any script."""
            return _words(text)

    return RougeScorer(["rougeL"], tokenizer=Words())
