import pytest

from mammo.config.optimizer import OptimizerConfig
from tests.mammo.config import rules_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "adam"}, "--config.optimizer.kind=adam is not known; it is adamw or sgd"),
        ({"learning_rate": 0.0}, "--config.optimizer.learning_rate=0.0 must be above 0"),
        ({"warmup_steps": -1}, "--config.optimizer.warmup_steps=-1 must be 0 or more"),
        ({"final_share": 1.1}, "--config.optimizer.final_share=1.1 must be from 0 to 1"),
        ({"clip_norm": -1.0}, "--config.optimizer.clip_norm=-1.0 must be 0 or more"),
        ({"averages_decay": 1.0}, "--config.optimizer.averages_decay=1.0 must be from 0 to below 1"),
        ({"normaliser_decay": -0.1}, "--config.optimizer.normaliser_decay=-0.1 must be from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_flag(changes, said):
    rules_of.refuses(OptimizerConfig(), changes, said)
