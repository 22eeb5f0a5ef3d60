"""A library learns, and what it has learned is used, carried along, mistrusted and left out."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from learning_cases import STEPS, believed, subject

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.learning.expert.opinion import LearnedOpinion
from RetrievalSAMLib.learning.expert.store import read_expert, read_record
from RetrievalSAMLib.learning.learn import Learned, LearnOptions, learn
from RetrievalSAMLib.learning.use import learned_state, opinion_of
from RetrievalSAMLib.library.lock import lock_held
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.pipeline import segment_volume
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.segmentation.settings.presets import preset

FAST = preset("fast")


def opinion(library: SupportLibrary, models: Models, name: str = "fast") -> LearnedOpinion | None:
    return opinion_of(library, library.cases(), preset(name), models.segmenter.sha256)


def test_every_case_is_tried_by_a_network_that_has_not_seen_it(learning: tuple[Path, Learned]) -> None:
    folder, told = learning
    record = read_record(SupportLibrary.open(folder))
    assert record is not None
    assert (told.members, told.steps, told.learned, told.replaced) == (3, STEPS, 3, True)
    for case in record.cases:
        assert case.image not in record.members[case.fold]
    assert {proof.name: proof.cases for proof in told.segments} == {"Large": 3, "Small": 3}
    # After four steps it knows nothing yet: no segment may be worse with it than without.
    assert all(proof.fused >= proof.run - 0.002 for proof in told.segments if proof.run is not None)


def test_what_was_learned_is_told_in_words(learned: SupportLibrary) -> None:
    known = learned_state(learned)
    assert known.state == "current"
    assert known.text.startswith("learned from 3 of 3 cases")
    learned.add(*subject(4))
    behind = learned_state(learned)
    assert (behind.state, behind.learned, behind.cases) == ("behind", 3, 4)


def test_a_run_says_what_was_learned_and_is_the_same_where_nothing_is_believed(
    learned: SupportLibrary, models: Models
) -> None:
    target, cases = subject(9)[0], learned.cases()
    without = segment_volume(target, cases, models, FAST)
    assert without.report.learned is None
    believed(learned, 0.0)
    ignored = segment_volume(target, cases, models, FAST, opinion=opinion(learned, models))
    assert ignored.report.learned is not None
    assert ignored.report.learned.left_out == "it is believed in none of these segments"
    believed(learned, 1.0)
    expert = opinion(learned, models)
    used = segment_volume(target, cases, models, FAST, opinion=expert)
    told = used.report.learned
    assert told is not None and expert is not None
    assert (told.left_out, told.sha256, told.segments["Small"].weight) == ("", expert.sha256, 1.0)
    masks = [[result.segmentation.mask(n) for n in range(2)] for result in (without, ignored, used)]
    assert all(np.array_equal(a, b) for a, b in zip(masks[0], masks[1], strict=True))
    assert any((a != b).any() for a, b in zip(masks[0], masks[2], strict=True))
    again = segment_volume(target, cases, models, FAST, opinion=expert)
    assert all(np.array_equal(again.segmentation.mask(n), masks[2][n]) for n in range(2))


def test_published_methods_never_use_it(learned: SupportLibrary, models: Models) -> None:
    assert opinion(learned, models, "fate-sam") is None
    assert opinion(learned, models, "zhao-2024") is None
    with pytest.raises(InputError, match="published"):
        learn(learned, models, preset("zhao-2024"), LearnOptions(steps=1))


def test_slices_of_another_plane_are_left_to_the_run(learned: SupportLibrary, models: Models) -> None:
    believed(learned, 1.0)
    expert = opinion(learned, models)
    assert expert is not None
    sagittal = replace(expert, plane=type(expert.plane)("sagittal"))
    result = segment_volume(subject(9)[0], learned.cases(), models, FAST, opinion=sagittal)
    assert result.report.learned is not None
    assert "axial" in result.report.learned.left_out


@pytest.mark.parametrize("file", ["expert.json", "weights"])
def test_a_damaged_expert_is_left_out_with_a_warning_and_repaired(
    learned: SupportLibrary, models: Models, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    from RetrievalSAMLib.library.upkeep.repair import damage_of, repair

    believed(learned, 0.5)
    folder = learned.learned.folder
    path = folder / file if file == "expert.json" else next(folder.glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert opinion(learned, models) is None
    assert "left out" in caplog.text
    assert learned_state(learned).state == "unusable"
    assert [damage.file.split("/")[0] for damage in damage_of(learned.path)] == ["learned"]
    repair(learned.path)
    assert not damage_of(learned.path)
    assert learned_state(learned).state == "none"


def test_the_expert_of_other_cases_is_left_out(
    learned: SupportLibrary, models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = SupportLibrary.create(tmp_path / "other")
    for seed in (7, 8):
        other.add(*subject(seed))
    shutil.copytree(learned.learned.folder, other.learned.folder)
    with caplog.at_level(logging.WARNING):
        assert opinion(other, models) is None
    assert "other cases" in caplog.text
    assert learned_state(other).state == "unusable"


def test_a_description_of_an_impossible_network_is_refused(learned: SupportLibrary) -> None:
    record = read_record(learned)
    assert record is not None
    huge = msgspec.structs.replace(record.plan, channels=(10**6,) * len(record.plan.channels))
    learned.learned.replace(
        msgspec.json.encode(msgspec.structs.replace(record, plan=huge)), learned.learned.weights(record.weights)
    )
    with pytest.raises(InputError, match="impossible"):
        read_expert(learned)


def test_it_travels_with_its_library_but_not_without_its_cases(
    learned: SupportLibrary, models: Models, tmp_path: Path
) -> None:
    export_library(learned, tmp_path / "all.rslib")
    export_library(learned, tmp_path / "some.rslib", [case.id for case in learned.cases()[:2]])
    arrived = SupportLibrary.create(tmp_path / "arrived")
    import_archive(arrived, tmp_path / "all.rslib")
    assert learned_state(arrived).state == "current"
    assert opinion(arrived, models) is not None
    fewer = SupportLibrary.create(tmp_path / "fewer")
    import_archive(fewer, tmp_path / "some.rslib")
    assert learned_state(fewer).state == "none"
    mixed = SupportLibrary.create(tmp_path / "mixed")
    mixed.add(*subject(7))
    import_archive(mixed, tmp_path / "all.rslib")
    assert learned_state(mixed).state == "none"


def test_learning_again_goes_on_from_what_it_knows(learned: SupportLibrary, models: Models) -> None:
    before = read_record(learned)
    assert before is not None
    runs = {path: path.stat().st_mtime_ns for path in learned.cache_dir.glob("learning/runs/*/*.npz")}
    told = learn(learned, models, FAST, LearnOptions(steps=2))
    after = read_record(learned)
    assert after is not None and len(runs) == 3
    assert {path: path.stat().st_mtime_ns for path in runs} == runs
    assert told.steps == (before.steps + 2 if told.replaced else before.steps)
    assert [case.fold for case in after.cases] == [case.fold for case in before.cases]


def test_a_stopped_learning_leaves_the_expert_as_it_was(learned: SupportLibrary, models: Models) -> None:
    before = {path.name: path.read_bytes() for path in learned.learned.folder.iterdir()}

    def stop(stage: str, done: int, _total: int) -> None:
        if stage == "proving what was learned" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(learned, models, FAST, LearnOptions(steps=2), stop)
    assert {path.name: path.read_bytes() for path in learned.learned.folder.iterdir()} == before
    assert learned_state(learned).state == "current"


def test_a_crash_while_it_is_replaced_leaves_a_whole_expert(
    learned: SupportLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = read_record(learned)
    assert record is not None

    def crash(*_: object) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr("RetrievalSAMLib.library.learned_files.write_with_checksum", crash)
        with pytest.raises(InputError):
            learned.learned.replace(b"{}", b"other weights")
    assert read_record(learned) == record
    assert read_expert(learned) is not None


def test_two_programs_do_not_learn_from_one_library_at_once(learned: SupportLibrary, models: Models) -> None:
    with (
        lock_held(learned.cache_dir / "learning" / ".lock", 0),
        pytest.raises(InputError, match="another program is learning"),
    ):
        learn(learned, models, FAST, LearnOptions(steps=1))


def test_one_case_is_too_few_to_learn_from(models: Models, tmp_path: Path) -> None:
    library = SupportLibrary.create(tmp_path / "library")
    library.add(*subject(1))
    with pytest.raises(InputError, match="fewer than two cases"):
        learn(library, models, FAST, LearnOptions(steps=1))
    assert not learned_state(library).can_learn
