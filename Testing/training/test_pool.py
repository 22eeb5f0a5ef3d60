"""Real anatomy is read as it lies in the patient, from sets that may be trained on only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from training.episodes import EpisodeSource
from training.hearts import HEART, short_axis_heart
from training.painting import random_contrast, repaint
from training.pool import HELD_OUT, Pool, load_pool
from training.tissues import Tissue, ct_intensities, tissue_of

SPACING = (1.0, 1.5, 2.0)


def write_case(folder: Path, case: str, orientation: str = "LPS", image: bool = False) -> None:
    """A left and a right box (1, 2) and a long bar (3), which lie at the patient's left, right and back."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.zeros((24, 30, 40), dtype=np.uint8)  # (z, y, x), LPS
    labels[8:16, 8:16, 26:34] = 1
    labels[8:16, 8:16, 6:14] = 2
    labels[2:22, 22:26, 18:22] = 3
    whole = sitk.GetImageFromArray(labels)
    whole.SetSpacing(SPACING)
    sitk.WriteImage(sitk.DICOMOrient(whole, orientation), str(folder / f"{case}_label.nii.gz"))
    if image:
        shown = sitk.GetImageFromArray((labels * 100).astype(np.int16))
        shown.SetSpacing(SPACING)
        sitk.WriteImage(sitk.DICOMOrient(shown, orientation), str(folder / f"{case}_image.nii.gz"))
    (folder / "labels.txt").write_text("1\tKidney-Lt\n2\tKidney-Rt\n3\taorta\n", encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_case(tmp_path / "pool" / "hn_oar_tcia", "a", "RAS")
    write_case(tmp_path / "pool" / "hn_oar_tcia", "b", "LIA", image=True)
    write_case(tmp_path / "pool" / "spl_brain", "c")
    return tmp_path


def test_held_out_sets_and_sets_beside_the_pool_are_never_read(data: Path) -> None:
    for folder in (data / "pool" / HELD_OUT[0], data / "acdc_fatesam"):
        folder.mkdir()
        (folder / "x_label.nii.gz").write_text("no image: whoever reads it fails", encoding="utf-8")
    assert sorted({volume.group for volume in load_pool(data)}) == ["hn_oar_tcia", "spl_brain/c"]


def test_volumes_of_any_orientation_lie_alike(data: Path) -> None:
    volumes = load_pool(data)
    assert len(volumes) == 3
    for volume in volumes:
        assert torch.equal(volume.labels, volumes[0].labels)
        assert volume.spacing_mm == pytest.approx(SPACING[::-1])
        assert volume.extent_mm(3) == pytest.approx(20 * SPACING[2])
        assert volume.twins == {1: 2, 2: 1}
        assert volume.tissues[3] is Tissue.BLOOD


def test_a_cube_is_as_large_in_mm_as_asked_for(data: Path) -> None:
    volume = load_pool(data)[0]
    labels, image = volume.cube(volume.middle([1]), 64.0, 64)
    assert image is None
    sides = [int(labels.eq(1).any(dim=tuple({0, 1, 2} - {axis})).sum()) for axis in range(3)]
    assert sides == pytest.approx([8 * s for s in SPACING[::-1]], abs=1.01)


def test_subjects_that_are_drawn_together_are_labelled_alike(data: Path) -> None:
    torch.manual_seed(0)
    pool = Pool(load_pool(data), voxels=32)
    for _ in range(10):
        drawn = pool.draw(3)
        tissues = [a.tissues.tolist() for a in drawn if a.tissues is not None]
        assert len(tissues) == 3 and all(own == tissues[0] for own in tissues)
        assert all(a.focus and a.labels.eq(a.focus).any() for a in drawn)
        assert all(int(a.labels.max()) < len(tissues[0]) for a in drawn)


def test_episodes_of_the_pool_show_what_they_ask_for(data: Path) -> None:
    torch.manual_seed(0)
    source = EpisodeSource(64, pool=Pool(load_pool(data), voxels=32), render_sizes=(64,))
    for _ in range(5):
        episode = source.draw(2, 2, 1)
        assert episode.images.shape == (2, 2, 64, 64) and episode.masks.shape == (2, 2, 1, 64, 64)
        assert float(episode.images.min()) >= 0 and float(episode.images.max()) <= 1
        assert all(episode.masks[subject].any() for subject in range(2))


def test_hearts_end_and_their_walls_enclose_the_left_ventricle() -> None:
    torch.manual_seed(0)
    for _ in range(5):
        labels = short_axis_heart().labels
        wall, left = labels == HEART, labels == HEART + 1
        there = (wall | left).flatten(1).any(1)
        assert there.any() and not there[0] and not there[-1]
        assert left.any() and wall.sum() > 0


@pytest.mark.parametrize(
    ("name", "tissue"),
    [
        ("left sixth rib", Tissue.BONE),
        ("vertebrae_T12", Tissue.BONE),
        ("femur_l", Tissue.BONE),
        ("Left lateral ventricle", Tissue.FLUID),
        ("heart_left_ventricle", Tissue.MUSCLE),
        ("portal_vein_and_splenic_vein", Tissue.BLOOD),
        ("lung_upper_lobe_left", Tissue.AIR),
        ("Spinal-Cord", Tissue.BRAIN),
        ("gluteus_maximus_left", Tissue.MUSCLE),
        ("intervertebral disk of axis", Tissue.FIBROUS),
        ("liver", Tissue.SOFT),
    ],
)
def test_names_tell_tissues(name: str, tissue: Tissue) -> None:
    assert tissue_of(name) is tissue


def test_bone_is_never_darker_than_fat_in_ct() -> None:
    torch.manual_seed(0)
    for _ in range(20):
        fat, bone = ct_intensities(torch.tensor([Tissue.FAT, Tissue.BONE])).tolist()
        assert bone >= fat


def test_a_repainted_image_has_the_means_of_the_other_modality_and_its_own_texture() -> None:
    torch.manual_seed(0)
    soft = torch.zeros(1, 2, 8, 8)
    soft[:, 0, :, :4], soft[:, 1, :, 4:] = 1, 1
    image = 0.2 * soft[:, 1] + 0.02 * torch.randn(1, 8, 8)
    contrast = random_contrast(2, 8)
    new = repaint(image, soft, contrast)
    for label in range(2):
        assert float(new[soft[:, label] == 1].mean()) == pytest.approx(float(contrast.means[label]), abs=1e-4)
        assert float(new[soft[:, label] == 1].std()) > 0
