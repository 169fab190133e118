"""What a tuning costs, told before anything is sent."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosted_world import ROOT, World

from pipelines.tune import nodes
from workbench.errors import ConfigurationError, DataError, OverBudget
from workbench.hosted.estimate import estimate
from workbench.targets.azure_openai.token_prices import ModelPrice, price_of
from workbench.targets.azure_openai.tokens import CONTEXT, Counter, counter

PRICE = ModelPrice(10.0, 2.0, 8.0, 1.0, 4.0, 1.5, "USD", "2026-11-29")
WORDS = Counter("tiktoken", lambda text: len(text.split()))
EXAMPLE = {"messages": [{"role": "user", "content": "one two"}, {"role": "assistant", "content": "three"}]}


def test_it_is_tokens_times_epochs_times_price() -> None:
    # Each example: 3 around the answer; a message: 3, its role, its words. 3 + (3 + 1 + 2) + (3 + 1 + 1) = 14.
    made = estimate("m", [EXAMPLE] * 100, [], epochs=4, answer_tokens=10, price=PRICE, counter=WORDS)
    assert (made.tokens, made.longest, made.epochs) == (1400, 14, 4)
    assert made.training == pytest.approx(1400 * 4 * 10 / 1e6)
    assert (made.evaluation, made.hosting) == (0, 1.5)


def test_the_comparison_is_paid_for_both_models() -> None:
    prompt = [{"role": "user", "content": "one two"}]  # 3 + 3 + 1 + 2 = 9 tokens
    made = estimate("m", [EXAMPLE], [prompt] * 5, epochs=1, answer_tokens=100, price=PRICE, counter=WORDS)
    assert made.evaluation == pytest.approx((45 * (2 + 1) + 500 * (8 + 4)) / 1e6)


def test_epochs_that_the_service_chooses_are_estimated_from_above() -> None:
    made = estimate("m", [EXAMPLE], [], epochs=None, answer_tokens=1, price=PRICE, counter=WORDS)
    assert made.epochs == 25


def test_what_is_longer_than_the_service_reads_is_not_paid() -> None:
    long = {"messages": [{"role": "user", "content": "w " * 100_000}, {"role": "assistant", "content": "x"}]}
    made = estimate("m", [long], [], epochs=1, answer_tokens=1, price=PRICE, counter=WORDS)
    assert (made.tokens, made.longest > CONTEXT) == (CONTEXT, True)


def test_a_pair_is_two_conversations() -> None:
    pair = {
        "input": {"messages": EXAMPLE["messages"][:1]},
        "preferred_output": EXAMPLE["messages"][1:],
        "non_preferred_output": EXAMPLE["messages"][1:],
    }
    assert WORDS.example(pair) == 2 * WORDS.example(EXAMPLE)


def test_without_tables_tokens_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    counted = counter("gpt-4o-mini-2024-07-18")
    assert (counted.by, counted.of("größe")) == ("bytes", 7)
    assert counter("somebody/elses-model").by == "bytes"


def test_with_a_table_in_its_cache_tiktoken_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A table of single bytes and one pair, in the place where tiktoken would put the real one."""
    import tiktoken.load
    import tiktoken.registry

    table = b"".join(base64.b64encode(bytes([one])) + b" %d\n" % one for one in range(256))
    table += base64.b64encode(b"ab") + b" 256\n"
    url = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
    (tmp_path / hashlib.sha1(url.encode()).hexdigest()).write_bytes(table)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    # The package would find that this is not its own table, and fetch that.
    monkeypatch.setattr(tiktoken.load, "check_hash", lambda data, expected: True)
    tiktoken.registry.ENCODINGS.pop("cl100k_base", None)
    try:
        counted = counter("gpt-3.5-turbo")
        assert (counted.by, counted.of("abab"), counted.of("<|endoftext|>")) == ("tiktoken", 2, 13)
    finally:
        tiktoken.registry.ENCODINGS.pop("cl100k_base", None)


@pytest.mark.parametrize(
    ("section", "model", "price"),
    [
        ("openai", "gpt-4.1-mini-2025-04-14", 5.0),
        ("azure_openai", "gpt-4.1-mini-2025-04-14", 6.05),
        ("azure_openai", "gpt-4o-mini-2024-07-18", 3.3),
    ],
)
def test_prices_are_the_tables(section: str, model: str, price: float) -> None:
    assert price_of(ROOT, section, model, "here").training == price


def test_a_tuned_model_again_has_its_bases_price() -> None:
    assert price_of(ROOT, "azure_openai", "gpt-4o-mini-2024-07-18-x", "here").training == 3.3
    with pytest.raises(ConfigurationError, match="there is no price for tuning model 'gpt-9'.*look it up at https://"):
        price_of(ROOT, "openai", "gpt-9", "client acme")
    with pytest.raises(ConfigurationError, match=r"targets\.nobody: nothing"):
        price_of(ROOT, "nobody", "gpt-9", "client acme")


def prepared(world: World, **changes: Any) -> tuple[Any, ...]:
    parameters = world.parameters(**changes)
    train, validation, test, _ = nodes.prepare_examples(world.files, parameters)
    return world.files, train, validation, test, parameters


def test_a_budget_refuses_before_anything_is_sent(world: World) -> None:
    world.configure(budget=0.001)
    with pytest.raises(OverBudget, match=r"it may cost 0\.\d\d USD, and hosted.budget is 0.00; nothing was sent"):
        nodes.estimate_tuning(*prepared(world))
    assert world.openai.requests == []


def test_the_estimate_is_written_down(world: World) -> None:
    made = nodes.estimate_tuning(*prepared(world))
    assert made["hosted"] is True
    assert made["counted_by"] in {"bytes", "tiktoken"}
    assert made["total"] == pytest.approx(made["training"] + made["evaluation"] + made["hosting"], abs=1e-3)
    assert world.openai.requests == []


def test_nothing_is_estimated_for_this_machine(world: World) -> None:
    given = prepared(world, hosted={"model": None})
    assert nodes.estimate_tuning(*given) == {"hosted": False, "total": 0.0}


def test_without_an_account_it_says_where_to_write_one(world: World) -> None:
    path = world.project / "conf/clients/acme/client.yml"
    given = prepared(world)
    path.write_text(yaml.safe_dump({k: v for k, v in yaml.safe_load(path.read_text()).items() if k != "hosted"}))
    with pytest.raises(ConfigurationError, match=r"no account for hosted tuning.*conf/clients/acme/client.yml"):
        nodes.estimate_tuning(*given)


def test_too_few_examples_are_refused_by_file(world: World) -> None:
    world.write([{"prompt": f"q{number}", "response": "yes"} for number in range(12)])
    with pytest.raises(DataError, match=r"tune_train.jsonl: has \d examples, and the service asks for at least 10"):
        nodes.estimate_tuning(*prepared(world))
