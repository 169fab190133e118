"""Tuning a language model: tokens a second and share of the device's peak, ours against `transformers.Trainer`.

    python -m benchmarks.llm_speed [--models 1b,8b] [--methods lora,full] [--ways ours,trainer] [--steps 12]
    python -m benchmarks.llm_speed --tiny

Llamas of the published shapes (Llama-3-8B, Llama-3.2-1B) with random weights, made from `LlamaConfig`: nothing is
downloaded. Sequences of 4,096 tokens, every token counts for the loss. `trainer` is `transformers.Trainer` with its
defaults, weights in bfloat16 as the published ones are, and the largest batch of 8, 4, 2, 1 that fits (then 1 with
gradient checkpointing). Each case is a process of its own; the first steps are not counted. It needs torch,
transformers and safetensors; `lora` needs peft besides, `trainer` accelerate, and without them a line says what is left
out. Where this package is not installed, `PYTHONPATH=src`. Batch "1 twice": activations were computed twice, for want
of memory.

MFU counts the multiplications that the method needs, and no recomputation: 2 a weight and token forward, 2 for the
gradient of the activations, 2 for that of the weights if they learn; and causal attention. LoRA's own are left out.

Bar on one H200: 8B LoRA, r = 16, at 12,500 tokens/s, and 1.5 times the Trainer. Without a CUDA device there are no
figures; `--tiny` runs the same code with a toy shape on a CPU, to see that it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "8b": {
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
    "1b": {
        "vocab_size": 128_256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": True,
    },
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}
LENGTHS = {"8b": 4096, "1b": 4096, "tiny": 128}
SKIPPED = 3
"""Steps before the clock starts: kernels are chosen, memory is taken."""

PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bfloat16 FLOP/s by NVIDIA's data sheets (SXM)."""

BAR_TOKENS, BAR_RATIO = 12_500, 1.5

NEEDED = {"lora": "peft", "trainer": "accelerate"}
"""Packages beside torch, transformers and safetensors, by the method or way that cannot do without."""


def flops_per_token(shape: dict[str, Any], length: int, method: str) -> float:
    """The multiplications and additions that a step needs for one token."""
    hidden, layers = shape["hidden_size"], shape["num_hidden_layers"]
    keys = hidden * shape["num_key_value_heads"] // shape["num_attention_heads"]
    weights = layers * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * shape["intermediate_size"])
    weights += hidden * shape["vocab_size"]
    # A token looks back on half of the sequence, on average: two products of 2 * hidden * length / 2.
    attention = layers * 2 * hidden * length
    return (6 if method == "full" else 4) * weights + 3 * attention


def build(name: str, dtype: str, device: str) -> Any:
    """A model of a shape, with random weights, made where it will be."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**SHAPES[name], max_position_embeddings=2 * LENGTHS[name], rope_theta=500_000.0)
    config._attn_implementation = "sdpa"  # noqa: SLF001 - as from_pretrained would choose
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            return LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)


def run_ours(name: str, method: str, steps: int, device: str) -> tuple[list[float], int, bool]:
    """Seconds of each step, tokens of a step, and whether memory ran out, so that activations are computed twice."""
    import torch

    from workbench.learning.language import TuneConfig
    from workbench.learning.language.adapters import add_adapters
    from workbench.learning.language.attention import packed_attention
    from workbench.learning.language.chat import Encoded
    from workbench.learning.language.tuner import Loop

    length = LENGTHS[name]
    config = TuneConfig(method=method, sequence_length=length, packs_per_step=1, epochs=1)  # type: ignore[arg-type]
    model = build(name, "bfloat16" if method == "lora" and device == "cuda" else "float32", device)
    tuned = add_adapters(model, config) if method == "lora" else model
    chance = torch.Generator().manual_seed(0)
    rows = torch.randint(SHAPES[name]["vocab_size"], (steps + SKIPPED, length), generator=chance).tolist()
    examples = [Encoded(tuple(row[:1]), tuple(row[1:])) for row in rows]
    loop = Loop(tuned, examples, examples[:1], config, torch.device(device), None, time.monotonic)
    tuned.train()
    seconds = []
    with packed_attention(model):
        for packs in loop.steps:
            began = time.perf_counter()
            loop.step(packs)
            loop.state.step += 1
            _wait(device)
            seconds.append(time.perf_counter() - began)
    return seconds[SKIPPED:], length, bool(model.is_activation_checkpointing)


def run_trainer(name: str, method: str, steps: int, device: str, *, batch: int, again: bool) -> tuple[list[float], int]:
    """The same with the Trainer's defaults; `again`: activations are computed twice."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from workbench.learning.language import TuneConfig
    from workbench.learning.language.adapters import add_adapters

    length = LENGTHS[name]
    model = build(name, "bfloat16" if device == "cuda" else "float32", device)
    if method == "lora":
        model = add_adapters(model, TuneConfig())
        if again:
            model.enable_input_require_grads()
    chance = torch.Generator().manual_seed(0)
    count = batch * (steps + SKIPPED)
    rows = torch.randint(SHAPES[name]["vocab_size"], (count, length), generator=chance)
    data = [{"input_ids": row, "labels": row} for row in rows]
    marks: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *arguments: Any, **others: Any) -> None:
            _wait(device)
            marks.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=batch,
            max_steps=steps + SKIPPED,
            activation_checkpointing=again,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=device == "cpu",
        )
        with contextlib.redirect_stdout(io.StringIO()):
            Trainer(model=model, args=arguments, train_dataset=data, callbacks=[Clock()]).train()
    seconds = [after - before for before, after in pairwise(marks)]
    return seconds[SKIPPED - 1 :], batch * length


def case(way: str, name: str, method: str, steps: int, device: str) -> dict[str, Any]:
    """Run one case in this process."""
    import torch

    attempts: list[tuple[int, bool]] = [(1, False)]
    if way == "trainer":
        attempts = [(8, False), (4, False), (2, False), (1, False), (1, True)]
    for batch, twice in attempts:
        again = twice
        try:
            if way == "ours":
                seconds, tokens, again = run_ours(name, method, steps, device)
            else:
                seconds, tokens = run_trainer(name, method, steps, device, batch=batch, again=again)
        except (torch.OutOfMemoryError, MemoryError):
            pass
        except Exception as error:
            if not isinstance(error.__cause__, torch.OutOfMemoryError):
                raise
        else:
            speed = tokens / statistics.median(seconds)
            memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None
            return {"tokens_per_second": speed, "batch": batch, "checkpointing": again, "gib": memory}
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
    return {"tokens_per_second": None}


def in_a_process(way: str, name: str, method: str, steps: int) -> dict[str, Any]:
    """Run one case in a process of its own."""
    arguments = ["--case", way, name, method, "--steps", str(steps)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.llm_speed", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{way} {name} {method} failed\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="1b,8b")
    parser.add_argument("--methods", default="lora,full")
    parser.add_argument("--ways", default="ours,trainer")
    parser.add_argument("--steps", type=int, default=12, help="steps that are timed")
    parser.add_argument("--tiny", action="store_true", help="a toy shape on a CPU, to see that it runs")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    import torch

    if options.case:
        warnings.simplefilter("ignore")
        print(json.dumps(case(*options.case, options.steps, "cuda")))
        return
    if not options.tiny and not torch.cuda.is_available():
        print("no CUDA device: no figures. `python -m benchmarks.llm_speed --tiny` shows on a CPU that the code runs.")
        return
    device = "toy shape on a CPU: these are no figures" if options.tiny else torch.cuda.get_device_name()
    models = ["tiny"] if options.tiny else options.models.split(",")
    print(f"{device}; torch {torch.__version__}")
    methods, ways = _possible(options.methods.split(",")), _possible(options.ways.split(","))
    print(f"{'model':6}{'method':8}{'way':9}{'tokens/s':>10}{'MFU':>7}{'ratio':>7}{'batch':>7}{'GiB':>7}")
    peak = None if options.tiny else next((value for key, value in PEAKS.items() if key in device), None)
    for name in models:
        for method in methods:
            found = {}
            for way in ways:
                steps = min(options.steps, 3) if options.tiny else options.steps
                arguments = (way, name, method, steps)
                found[way] = case(*arguments, "cpu") if options.tiny else in_a_process(*arguments)
                print(_line(name, method, way, found, peak), flush=True)
            _judge(name, method, found, device)


def _possible(names: list[str]) -> list[str]:
    """Those whose packages are installed; of the others it is said what they lack."""
    missing = {name: NEEDED[name] for name in names if name in NEEDED and find_spec(NEEDED[name]) is None}
    for name, package in missing.items():
        print(f"{name}: left out, since {package} is not installed")
    return [name for name in names if name not in missing]


def _line(name: str, method: str, way: str, found: dict[str, dict[str, Any]], peak: float | None) -> str:
    result = found[way]
    speed = result["tokens_per_second"]
    if speed is None:
        return f"{name:6}{method:8}{way:9}{'does not fit':>10}"
    used = f"{speed * flops_per_token(SHAPES[name], LENGTHS[name], method) / peak:7.1%}" if peak else f"{'-':>7}"
    ours = found.get("ours", {}).get("tokens_per_second")
    ratio = f"{ours / speed:7.2f}" if ours and way != "ours" else f"{'':7}"
    batch = f"{result['batch']}{' twice' if result['checkpointing'] else ''}"
    memory = f"{result['gib']:7.1f}" if result["gib"] else f"{'-':>7}"
    return f"{name:6}{method:8}{way:9}{speed:10,.0f}{used}{ratio}{batch:>7}{memory}"


def _judge(name: str, method: str, found: dict[str, dict[str, Any]], device: str) -> None:
    """The bar, where it is set: 8B LoRA on an H200."""
    ours = found.get("ours", {}).get("tokens_per_second")
    if (name, method) != ("8b", "lora") or "H200" not in device or not ours:
        return
    print(f"bar: {BAR_TOKENS:,} tokens/s: {'held' if ours >= BAR_TOKENS else 'MISSED'}")
    trainer = found.get("trainer", {}).get("tokens_per_second")
    if trainer:
        print(f"bar: {BAR_RATIO} times the Trainer: {'held' if ours >= BAR_RATIO * trainer else 'MISSED'}")


def _wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
