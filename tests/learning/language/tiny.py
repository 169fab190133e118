"""A base model small enough to be made in a test: a BPE tokenizer trained on the examples, and a Llama of 2 layers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

QUESTIONS = ["red", "green", "blue", "black", "white", "brown", "pink", "grey"]
ANSWERS = ["rouge", "vert", "bleu", "noir", "blanc", "brun", "rose", "gris"]


def colours() -> list[list[dict[str, str]]]:
    """Eight examples that a tiny model can learn by heart."""
    return [
        [{"role": "user", "content": f"{question} in French?"}, {"role": "assistant", "content": answer}]
        for question, answer in zip(QUESTIONS, ANSWERS, strict=True)
    ]


def make_base(folder: Path, texts: Iterable[str], **config: Any) -> Path:
    """Make tokenizer and model in a folder, as ``save_pretrained`` leaves them; the same texts give the same bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(texts), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    fast.save_pretrained(folder)
    settings: dict[str, Any] = {
        "vocab_size": len(fast),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,  # as large as in a trained one: a frozen head of the usual 0.02 could say nothing clearly
        "bos_token_id": fast.bos_token_id,
        "eos_token_id": fast.eos_token_id,
        "pad_token_id": fast.pad_token_id,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = LlamaForCausalLM(LlamaConfig(**settings | config))
    model.save_pretrained(folder)
    return folder


def base_of(folder: Path) -> Path:
    """A base model whose tokenizer has seen the colours."""
    return make_base(folder, [one["content"] for example in colours() for one in example])
