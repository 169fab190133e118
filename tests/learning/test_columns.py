from __future__ import annotations

import json

import pytest

from workbench.errors import ModelError
from workbench.learning import Columns

ROLES = {
    "task": "binary",
    "target": "late",
    "classes": None,
    "key": ["id"],
    "time": None,
    "fold": "fold",
    "numeric": ["a", "b"],
    "categorical": ["c"],
    "segments": ["c"],
    "protected": [],
}


def test_roles_become_columns_and_survive_json() -> None:
    columns = Columns.from_roles(ROLES)
    assert columns.features == ("a", "b", "c")
    assert Columns.from_dict(json.loads(json.dumps(columns.to_dict()))) == columns


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "ranking"}, "task 'ranking' is unknown"),
        ({"numeric": [], "categorical": []}, "no feature column"),
        ({"categorical": ["a"]}, "feature 'a' is named twice"),
        ({"numeric": ["late"]}, "the target 'late' is also a feature"),
        ({"task": "multiclass", "classes": ["only"]}, "two classes or more"),
        ({"task": "multiclass", "classes": None}, "two classes or more"),
    ],
)
def test_columns_that_contradict_each_other_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Columns.from_roles({**ROLES, **change})
