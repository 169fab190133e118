from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.errors import ModelError
from workbench.learning.encoding import UNSEEN, Inputs, TargetCoder
from workbench.learning.networks import ResNetSpec, Spec, TabMSpec, build, spec_from_dict
from workbench.learning.networks.embedding import CategoryEmbedding, PiecewiseLinearEmbedding
from workbench.learning.objectives import ensemble_loss, loss, predictions

SMALL = ResNetSpec(width=16, blocks=2, bins=4, embedding=3)
SMALL_TABM = TabMSpec(members=5, width=16, blocks=2, bins=4, embedding=3)


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs(edges=((-1.0, 0.0, 1.0), (0.0, 1.0)), flags=1, cardinalities=(5, 3), outputs=4),
        Inputs(edges=(), flags=2, cardinalities=(), outputs=1),
        Inputs(edges=(), flags=0, cardinalities=(4,), outputs=1),
        Inputs(edges=((0.0, 1.0),), flags=0, cardinalities=(), outputs=1),
    ],
    ids=["everything", "flags only", "categories only", "numbers only"],
)
@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize(("spec", "members"), [(SMALL, 1), (SMALL_TABM, 5)], ids=["resnet", "tabm"])
def test_any_mixture_of_columns_gives_every_member_s_outputs(
    inputs: Inputs, rows: int, spec: Spec, members: int
) -> None:
    network = build(spec, inputs)
    batch = (
        torch.randn(rows, len(inputs.edges)),
        torch.ones(rows, inputs.flags),
        torch.ones(rows, len(inputs.cardinalities), dtype=torch.int32),
    )
    assert network(*batch).shape == (rows, members, inputs.outputs)


def test_the_piecewise_linear_embedding_is_the_papers_formula() -> None:
    edges = ((-2.0, -0.5, 0.0, 1.5), (0.0, 3.0))
    module = PiecewiseLinearEmbedding(edges, bins=3, size=5)
    x = torch.tensor([[-9.0, -9.0], [-1.0, 1.0], [0.3, 2.0], [9.0, 9.0]])
    filled = np.zeros((4, 2, 3))
    for column, values in enumerate(edges):
        for piece, (low, high) in enumerate(pairwise(values)):
            filled[:, column, piece] = np.clip((x[:, column].numpy() - low) / (high - low), 0, 1)
    pieces, linear, bias = (parameter.detach().numpy() for parameter in (module.pieces, module.linear, module.bias))
    expected = np.einsum("bnt,nts->bns", filled, pieces) + x.numpy()[:, :, None] * linear + bias
    np.testing.assert_allclose(module(x).detach().numpy(), expected.reshape(4, -1), rtol=1e-5, atol=1e-6)


def test_the_unseen_category_is_learned_also_if_no_row_is_rare() -> None:
    torch.manual_seed(0)
    module = CategoryEmbedding((4,), 16)
    module(torch.full((2000, 1), 2, dtype=torch.int32)).sum().backward()
    assert module.tables[0].weight.grad[UNSEEN].abs().sum() > 0
    module.eval()
    assert (module(torch.full((500, 1), 2, dtype=torch.int32)) == module.tables[0].weight[2]).all()


def test_members_share_loss_and_prediction() -> None:
    outputs, target = torch.randn(6, 3, 1), torch.tensor([0.0, 1, 0, 1, 1, 0])
    one_by_one = [loss("binary", outputs[:, [member]], target) for member in range(3)]
    torch.testing.assert_close(loss("binary", outputs, target), torch.stack(one_by_one).mean())

    class Coder:
        task, mean, scale = "multiclass", 0.0, 1.0

    probabilities = predictions(Coder(), torch.randn(6, 3, 4))  # type: ignore[arg-type]
    torch.testing.assert_close(probabilities.sum(1), torch.ones(6, dtype=torch.float64))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_ensemble_s_loss_is_that_of_the_mean_prediction(task: str) -> None:
    torch.manual_seed(0)
    outputs = torch.randn(50, 4, 3 if task == "multiclass" else 1) * 3
    target = torch.randint(3, (50,)) if task == "multiclass" else torch.randint(2, (50,)).float()
    coder = TargetCoder(task, outputs.shape[2])
    mean = predictions(coder, outputs)
    expected = {
        "binary": lambda: F.binary_cross_entropy(mean, target.double()),
        "multiclass": lambda: F.nll_loss(mean.log(), target),
        "regression": lambda: F.mse_loss(mean, target.double()),
    }[task]()
    torch.testing.assert_close(ensemble_loss(task, outputs, target), expected)
    assert ensemble_loss(task, outputs, target) < loss(task, outputs, target)  # Jensen
    one = outputs[:, :1]
    torch.testing.assert_close(ensemble_loss(task, one, target).float(), loss(task, one, target))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"name": "os.system"}, "architecture 'os.system' is unknown"),
        ({"name": ["resnet"]}, r"architecture \['resnet'\] is unknown"),
        ({}, "architecture None is unknown"),
        ({"name": "resnet", "layers": 3}, "architecture 'resnet' cannot be set up"),
        ({"name": "resnet", "width": 10**9}, "width of the network is 1000000000, not between 1 and 4096"),
        ({"name": "resnet", "blocks": "2"}, "blocks of the network is '2'"),
        ({"name": "resnet", "dropout": float("nan")}, "dropout of the network is nan"),
        ({"name": "resnet", "width": True}, "width of the network is True"),
        ({"name": "tabm", "members": 1000}, "members of the network is 1000, not between 1 and 256"),
        ({"name": "tabm", "dropout": 1}, "dropout of the network is 1"),
        ({"name": "tabm", "input_dropout": 0.1}, "architecture 'tabm' cannot be set up"),
    ],
)
def test_only_architectures_of_the_allow_list_are_built(record: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        spec_from_dict(record)


@pytest.mark.parametrize("spec", [SMALL, SMALL_TABM])
def test_a_spec_survives_its_record(spec: Spec) -> None:
    assert spec_from_dict(spec.to_dict()) == spec
