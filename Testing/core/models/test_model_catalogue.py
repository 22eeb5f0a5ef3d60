from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import catalogue


def test_the_catalogue_names_the_published_files() -> None:
    """The addresses, sizes and digests that the makers publish."""
    root = "https://dl.fbaipublicfiles.com/"
    sam2 = root + "segment_anything_2/092824/"
    published = {entry.name: (entry.url, entry.bytes, entry.sha256[:8]) for entry in catalogue.CATALOGUE.values()}
    assert published == {
        "sam2.1-tiny": (sam2 + "sam2.1_hiera_tiny.pt", 156008466, "7402e0d8"),
        "sam2.1-small": (sam2 + "sam2.1_hiera_small.pt", 184416285, "6d1aa6f3"),
        "sam2.1-base-plus": (sam2 + "sam2.1_hiera_base_plus.pt", 323606802, "a2345aed"),
        "sam2.1-large": (sam2 + "sam2.1_hiera_large.pt", 898083611, "2647878d"),
        "dinov2-s14": (root + "dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth", 88283115, "b938bf1b"),
    }
    for entry in catalogue.CATALOGUE.values():
        assert len(entry.sha256) == 64 and set(entry.sha256) <= set("0123456789abcdef")
        assert entry.licence == "Apache-2.0"
        assert entry.url.endswith("/" + entry.file_name)


def test_names_lists_each_kind_with_the_bundled_one_first() -> None:
    assert catalogue.names("segmenter") == [
        "bundled",
        "sam2.1-tiny",
        "sam2.1-small",
        "sam2.1-base-plus",
        "sam2.1-large",
    ]
    assert catalogue.names("encoder") == ["bundled", "dinov2-s14"]


def test_a_name_of_the_other_kind_is_refused_with_the_right_ones() -> None:
    with pytest.raises(ModelError, match="sam2.1-tiny: no encoder has this name. Use one of bundled, dinov2-s14"):
        catalogue.get("sam2.1-tiny", "encoder")


def test_sam_3_says_where_its_files_are_and_what_takes_them() -> None:
    with pytest.raises(ModelError) as caught:
        catalogue.get("sam3", "segmenter")
    assert str(caught.value) == (
        "sam3: its weights cannot be had by name, as no checksum of theirs is known here. Get config.json and "
        "model.safetensors of facebook/sam3 from Hugging Face, and give their folder to `segment`, `refine`, `start` "
        "or `library tune` as --checkpoint; or use one of bundled, sam2.1-tiny, sam2.1-small, sam2.1-base-plus, "
        "sam2.1-large."
    )
    with pytest.raises(ModelError, match="no encoder has this name"):
        catalogue.get("sam3", "encoder")


def test_the_catalogue_is_light_to_import() -> None:
    code = (
        "import sys, RetrievalSAMLib.models.catalogue, RetrievalSAMLib.models.store; "
        "assert not {'torch', 'timm', 'sam2', 'pooch', 'requests'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_missing_bundled_model_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tmp_path)
    assert catalogue.bundled_entries() == []
    with pytest.raises(ModelError, match="not in this installation"):
        catalogue.get("bundled", "segmenter")


def manifest(**changes: object) -> dict[str, object]:
    content: dict[str, object] = {
        "name": "trial",
        "sha256": {"segmenter.pt": "A" * 64, "encoder.pt": "b" * 64},
        "encoder": {"arguments": {"img_size": 112, "embed_dim": 96}},
    }
    return {**content, **changes}


def test_the_manifest_gives_the_bundled_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tmp_path)
    (tmp_path / "bundled.json").write_text(json.dumps(manifest()), encoding="utf-8")
    segmenter, encoder = catalogue.bundled_entries()
    assert (segmenter.name, segmenter.kind, segmenter.sha256) == ("bundled", "segmenter", "a" * 64)
    assert (encoder.name, encoder.kind, encoder.image_size) == ("bundled", "encoder", 112)
    assert catalogue.read_bundled_manifest().encoder_mean == catalogue.IMAGENET_MEAN


def test_the_bundled_entry_has_the_image_size_of_its_configuration() -> None:
    path = catalogue.BUNDLED_FOLDER / catalogue.BUNDLED_SEGMENTER_CONFIG
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert config["model"]["image_size"] == catalogue.BUNDLED_SEGMENTER_IMAGE_SIZE


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps(manifest(sha256={})),
        json.dumps(manifest(encoder={"arguments": {}})),
        json.dumps(manifest(encoder={"arguments": {"img_size": "big"}})),
    ],
)
def test_a_damaged_manifest_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tmp_path)
    (tmp_path / "bundled.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"^bundled\.json: .*Install RetrievalSAM again"):
        catalogue.read_bundled_manifest()
