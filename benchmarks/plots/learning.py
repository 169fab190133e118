"""The pictures of docs/learning.md, from what a client's last run has left: ``python -m benchmarks.plots.learning``.

``learning_curve.png``: the loss by the seconds of the training. ``learning_cost.png``: what each candidate came to on
the test rows, and what its training took.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from workbench.reports.charts.quality import MODEL_COLOURS
from workbench.reports.style import BLUE, GREY, INK, MUTED, STYLE
from workbench.reports.words import model_name

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--client", default="skyways")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    reporting = ROOT / "data" / arguments.client / "08_reporting"
    history = table(reporting / "training_history.csv")
    candidates = table(reporting / "candidates.csv")
    evaluation = json.loads((reporting / "evaluation.json").read_text(encoding="utf-8"))
    draw_curve(history, arguments.folder / "learning_curve.png")
    draw_cost(candidates, evaluation, arguments.folder / "learning_cost.png")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def figure(columns: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    made = Figure(figsize=(8.0, 3.2), layout="constrained", facecolor="white")
    return made, made.subplots(1, columns)


def draw_curve(history: list[dict[str, str]], target: Path) -> None:
    from matplotlib import rc_context

    seconds = [float(row["seconds"]) for row in history]
    validation = [float(row["validation_loss"]) for row in history]
    best = validation.index(min(validation))
    with rc_context(STYLE):
        made, (learned, kept) = figure(2)
        learned.plot(seconds, [float(row["train_loss"]) for row in history], "o-", ms=3, color=GREY)
        learned.set(title="rows that it learns from", xlabel="seconds of training", ylabel="log loss")
        kept.plot(seconds, validation, "o-", ms=3, color=BLUE)
        kept.axvline(seconds[best], color=MUTED, lw=1, ls=":")
        kept.annotate(f"epoch {best + 1} is kept", (seconds[best], max(validation)), (5, 0),
                      textcoords="offset points", va="top", color=INK)  # fmt: skip
        kept.set(title="rows that it does not", xlabel="seconds of training")
        made.savefig(target, dpi=110)


def draw_cost(candidates: list[dict[str, str]], evaluation: dict[str, Any], target: Path) -> None:
    from matplotlib import rc_context

    metric, task = evaluation["primary"], evaluation["task"]
    with rc_context(STYLE):
        made, ax = figure()
        total = 0.0
        for row in candidates:
            name, seconds = row["model"], float(row["seconds"] or 0)
            total += seconds
            estimate = evaluation["models"].get(name, {}).get(metric)
            if estimate is None:
                continue
            at = seconds if name != "ensemble" else total
            low, high = estimate["value"] - estimate["low"], estimate["high"] - estimate["value"]
            ax.errorbar(
                at, estimate["value"], yerr=[[low], [high]], fmt="o", ms=8, color=MODEL_COLOURS[name], capsize=3
            )
            left = name == "network"  # the mean stands to the right of it, nearly as high
            ax.annotate(f"{model_name(name, task)}\n{estimate['value']:.4f}", (at, estimate["value"]),
                        (-10 if left else 10, 0), textcoords="offset points", va="center",
                        ha="right" if left else "left", color=INK)  # fmt: skip
        ax.set(xlabel="seconds of training; of the mean, of all its members", ylabel=f"{metric} on the test rows")
        ax.set_xlim(0, 1.3 * total)
        ax.margins(y=0.15)
        made.savefig(target, dpi=110)


if __name__ == "__main__":
    main()
