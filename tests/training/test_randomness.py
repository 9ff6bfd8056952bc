"""Seeds of a step: the same parts give the same draws, other parts others, and nothing grows from step to step."""

import torch

from quweit_cli.training.randomness import generator_for, seed_device, seed_for

CPU = torch.device("cpu")


def test_the_same_parts_give_the_same_seed_and_each_part_counts() -> None:
    assert seed_for(1, "step", 2, 0) == seed_for(1, "step", 2, 0)
    parts = [(1, "step", 2, 0), (1, "step", 3, 0), (2, "step", 2, 0), (1, "step", 2, 1), (1, "batch", 2, 0)]
    assert len({seed_for(*one) for one in parts}) == len(parts)
    assert seed_for(11, 2) != seed_for(1, 12)
    assert all(0 <= seed_for(step) < 2**63 for step in range(100))


def test_neighbouring_steps_draw_unlike_numbers() -> None:
    draws = torch.stack([torch.rand(1000, generator=generator_for(CPU, 0, step)) for step in range(20)])
    between = torch.corrcoef(draws) - torch.eye(20)
    assert float(between.abs().max()) < 0.15  # five standard deviations of independent draws


def test_a_seeded_device_draws_the_same_again() -> None:
    drawn = []
    for step in (3, 3, 4):
        seed_device(CPU, 0, "step", step)
        drawn.append(torch.nn.functional.dropout(torch.ones(200)))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_seeding_queues_nothing_for_a_gpu_that_is_not_there() -> None:
    before = len(torch.cuda._queued_calls)
    for step in range(5):
        seed_device(CPU, step)
    assert len(torch.cuda._queued_calls) == before
