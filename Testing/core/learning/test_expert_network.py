from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from learning_cases import TINY_PLAN, example

from RetrievalSAMLib.learning.network.build import HINTED, IMAGE, build_networks
from RetrievalSAMLib.learning.network.plan import plan_network
from RetrievalSAMLib.learning.training.loop import Schedule, loss_of
from RetrievalSAMLib.learning.training.members import Member, train_members
from RetrievalSAMLib.learning.training.patches import Batch, Example, Patches
from RetrievalSAMLib.learning.view.grids import Grid, resampled
from RetrievalSAMLib.progress import silent


def member(folder: Path, steps: int = 6) -> Member:
    torch.manual_seed(3)
    patches = Patches([example(0), example(1)], TINY_PLAN.patch, TINY_PLAN.spacing_mm, 2, seed=5)
    return Member(
        build_networks(TINY_PLAN, 1, [HINTED])[HINTED], patches, Schedule(steps), folder / "member.safetensors"
    )


def weights(one: Member) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in one.network.parameters()]).numpy()


def test_thick_slices_are_neither_pooled_nor_mixed_at_first() -> None:
    plan = plan_network([(90.0, 110.0, 110.0)] * 3, [(10.0, 1.5, 1.5)] * 3)
    assert plan.strides[1] == (1, 2, 2)
    assert plan.kernels[0] == (1, 3, 3)
    assert all(side % pooled == 0 for side, pooled in zip(plan.patch, plan.pooled, strict=True))


def test_few_slices_of_equal_spacing_are_pooled_within_the_slices_to_the_end() -> None:
    plan = plan_network([(7.0, 100.0, 96.0)], [(1.0, 1.0, 1.0)])
    assert plan.strides == ((1, 1, 1), (1, 2, 2), (1, 2, 2), (1, 2, 2))
    assert set(plan.kernels) == {(3, 3, 3)}
    assert {kernel[0] for kernel in plan_network([(1.0, 100.0, 96.0)], [(1.0, 1.0, 1.0)]).kernels} == {1}


def test_a_step_on_wide_patches_of_few_slices_ends_and_teaches(tmp_path: Path) -> None:
    """Of such patches PyTorch's gradients in bfloat16 ended the program."""
    plan = plan_network([(3.0, 72.0, 72.0)], [(1.0, 1.0, 1.0)])
    random = np.random.default_rng(0)
    truth = np.zeros((1, *plan.patch), dtype=np.uint8)
    truth[:, 1:, 20:60, 20:60] = 255
    inputs = np.concatenate([truth / 255 + random.normal(0, 0.1, truth.shape), np.zeros((2, *plan.patch))])
    patches = Patches(
        [Example(inputs.astype(np.float16), truth, np.ones(truth.shape, bool))], plan.patch, plan.spacing_mm, 1, 0
    )
    torch.manual_seed(0)
    network = build_networks(plan, 1, [IMAGE])[IMAGE]
    one = Member(network, patches, Schedule(4), tmp_path / "member.safetensors")
    train_members([one], "cpu", silent)
    assert len(one.losses) == 4 and one.losses[-1] < one.losses[0]


def test_equal_spacing_is_pooled_alike_and_the_patch_stays_affordable() -> None:
    small = plan_network([(35.0, 50.0, 35.0)], [(1.0, 1.0, 1.0)])
    large = plan_network([(400.0, 400.0, 300.0)], [(1.0, 1.0, 1.0)])
    assert small.strides[1] == (2, 2, 2)
    assert np.prod(large.patch) < 2 * np.prod(small.patch)
    assert max(large.spacing_mm) <= 2.0


def test_where_steps_are_cheap_the_network_is_larger() -> None:
    extents, spacings = [(35.0, 50.0, 35.0)], [(1.0, 1.0, 1.0)]
    plain, cheap = (plan_network(extents, spacings, in_bfloat16) for in_bfloat16 in (False, True))
    assert cheap.channels > plain.channels and msgspec.structs.replace(cheap, channels=plain.channels) == plain


def test_resampling_keeps_places() -> None:
    fine = Grid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (20, 24, 28))
    ramp = np.indices(fine.size).sum(axis=0).astype(np.float32)
    coarse = Grid((3.0, 2.0, 4.0), (2.0, 2.0, 2.0), (6, 8, 9))
    there = resampled(ramp, fine, coarse)
    # The middle of a coarse voxel lies between fine ones; a ramp is its own mean.
    first = sum(coarse.low_mm) + 3 * 1.0 - 3 * 0.5
    assert there[0, 0, 0] == pytest.approx(first, abs=1e-3)
    assert there[1, 2, 3] == pytest.approx(first + 2 * 6, abs=1e-3)
    outside = resampled(ramp, fine, Grid((-4.0, 0.0, 0.0), (1.0, 1.0, 1.0), (2, 24, 28)), outside=-5.0)
    assert (outside == -5).all()


def test_voxels_that_nobody_annotated_teach_nothing() -> None:
    logits = torch.zeros(1, 1, 4, 4, 4, requires_grad=True)
    truth, known = torch.ones(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4, dtype=torch.bool)
    known[0, 0, :2] = True
    loss_of(logits, Batch(truth, truth, known)).backward()
    assert logits.grad is not None
    assert (logits.grad[0, 0, :2] < 0).all()
    assert (logits.grad[0, 0, 2:] == 0).all()
    assert loss_of(logits, Batch(truth, truth, torch.zeros_like(known))).item() == 0


def test_patches_depend_on_seed_and_step_alone_and_say_nothing_beyond_the_case() -> None:
    one, other = (Patches([example(0)], (16, 16, 16), (2.0, 2.0, 2.0), 1, seed=1) for _ in range(2))
    first, again = one.batch(7), other.batch(7)
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.equal(first.inputs, one.batch(8).inputs)
    # The case has 12 voxels a side, the patch 16: a border is unknown.
    assert 0.1 < float(first.known.float().mean()) < 0.9
    unknown = Patches([example(0, known=False)], (8, 8, 8), (2.0, 2.0, 2.0), 1, seed=1).batch(0)
    assert not unknown.known.any()


def test_masks_move_with_their_image() -> None:
    batch = Patches([example(0)], (12, 12, 12), (2.0, 2.0, 2.0), 2, seed=2).batch(0)
    for image, truth, known in zip(batch.inputs[:, 0], batch.truth[:, 0], batch.known[:, 0], strict=True):
        bright, dark = image[(truth > 0) & known], image[(truth == 0) & known]
        assert bright.mean() > dark.mean() + 0.15


def test_one_kind_of_network_sees_the_image_alone_and_the_other_starts_from_the_hints() -> None:
    torch.manual_seed(1)
    networks = build_networks(TINY_PLAN, 1, [IMAGE, HINTED]).eval()
    inputs = torch.rand(1, 3, 8, 8, 8)
    hinted = inputs.clone()
    hinted[:, 1:] = 1
    with torch.inference_mode():
        assert torch.equal(networks[IMAGE](inputs), networks[IMAGE](hinted))
        assert (networks[HINTED](hinted) - networks[HINTED](inputs * 0)).mean() > 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_lowers_the_loss(precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVALSAM_PRECISION", precision)
    one = member(tmp_path, steps=40)
    train_members([one], "cpu", silent)
    assert np.mean(one.losses[-5:]) < 0.7 * np.mean(one.losses[:5])
    assert {weight.dtype for weight in one.network.parameters()} == {torch.float32}


def test_an_interrupted_training_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("RetrievalSAMLib.learning.training.members._EVERY", 1)
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole, parts = member(tmp_path / "whole"), member(tmp_path / "parts")
    train_members([whole], "cpu", silent)

    def stop_in_the_middle(_stage: str, done: int, _total: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("RetrievalSAMLib.learning.training.members._LOOK_SECONDS", 0.001)
    with pytest.raises(KeyboardInterrupt):
        train_members([parts], "cpu", stop_in_the_middle)
    assert 2 <= parts.done < 6
    again = member(tmp_path / "parts")
    train_members([again], "cpu", silent)
    assert len(again.losses) == 6 - parts.done
    assert np.array_equal(weights(again), weights(whole))


def test_a_damaged_checkpoint_is_begun_anew(tmp_path: Path) -> None:
    one = member(tmp_path)
    train_members([one], "cpu", silent)
    content = bytearray(one.checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    one.checkpoint.write_bytes(content)
    again = member(tmp_path)
    train_members([again], "cpu", silent)
    assert len(again.losses) == 6
    assert np.array_equal(weights(again), weights(one))
