"""A network is judged by itself, on volumes that it was not trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from training import judge_network
from training.held_out import STRUCTURES, Task, held_out_tasks
from training.judge_network import judge, table
from training.pool import HELD_OUT
from training.records import Records


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One case of a held-out set, without an image: seven blocks in two rows."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "pool" / HELD_OUT[0]
    folder.mkdir(parents=True)
    labels = np.zeros((10, 40, 80), dtype=np.uint8)
    for number in range(7):
        labels[2:8, 4 + 18 * (number % 2) :, 4 + 18 * (number // 2) :][:, : 14 - number, :14] = number + 1
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 1.0, 2.0))
    sitk.WriteImage(image, str(folder / "x_label.nii.gz"))
    names = ["liver", "femur_left", "aorta", "spleen", "left sixth rib", "colon", "lung_left"]
    text = "".join(f"{value}\t{name}\n" for value, name in enumerate(names, start=1))
    (folder / "labels.txt").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def task(data: Path) -> Task:
    (made,) = held_out_tasks(data)
    return made


def test_subjects_of_a_held_out_case_differ_and_have_the_same_largest_structures(task: Task) -> None:
    subjects: list[MemoryCase] = [*task.cases, *task.targets]
    assert task.name == f"{HELD_OUT[0]}/x" and len(subjects) == 5
    for subject in subjects:
        assert [s.name for s in subject.segments] == ["liver", "femur_left", "aorta", "spleen", "left sixth rib"]
        assert len(subject.segments) == STRUCTURES
        assert subject.image.geometry == subjects[0].image.geometry
        inside = subject.segmentation.mask(0)
        assert inside.any()
        assert subject.image.voxels[inside].mean() > subject.image.voxels[~_any(subject)].mean()
    assert len({subject.content_hash for subject in subjects}) == 5


def _any(subject: MemoryCase) -> np.ndarray:
    return np.any([subject.segmentation.mask(n) for n in range(STRUCTURES)], axis=0)


def test_the_same_subjects_are_made_every_time(data: Path, task: Task) -> None:
    (again,) = held_out_tasks(data)
    assert [s.content_hash for s in again.targets] == [s.content_hash for s in task.targets]


def test_every_part_is_measured_once_and_kept(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = build_segmenter(image_size=64)
    results = tmp_path / "figures.jsonl"

    def figures(parts: tuple[str, ...]) -> list[dict[str, object]]:
        kept = Records(results, judge_network.IDENTITY)
        return judge(segmenter, iter([task]), parts, 1, kept)

    first = figures(("first-slice", "prompts", "corrections"))
    assert [set(r["dice"]) for r in first] == [  # type: ignore[call-overload]
        {"liver", "femur_left", "aorta", "spleen", "left sixth rib"},
        {"1 clicks", "2 clicks", "3 clicks", "box"},
        {"nothing", "1 clicks", "2 clicks", "3 clicks", "box"},
    ]
    assert all(0 <= value <= 1 for r in first for value in r["dice"].values())  # type: ignore[attr-defined]
    assert segmenter.prompt_decoder is not None
    prompts = segmenter.prompt_decoder.sha256
    assert [r["weights"] for r in first] == [segmenter.sha256, prompts, prompts]
    monkeypatch.setattr(judge_network, "prompt_dice", None)
    assert figures(("prompts",)) == first[1:2]
    assert len([json.loads(line) for line in results.read_text().splitlines()]) == 3
    assert "| first-slice |" in table(first) and "| prompts, box |" in table(first)
