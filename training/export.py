"""Put trained weights into the package: half precision, with a manifest that says how they came about.

python -m training.export --segmenter DIR [DIR ...] [--encoder DIR [DIR ...]] --name NAME --data DATA

Where training went on from the weights of an earlier run, name the folders of both, in order.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import timm

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.models.catalogue import BUNDLED_FOLDER, MANIFEST_NAME
from RetrievalSAMLib.models.checkpoint import load_into, read_state_dict, write_state_dict
from RetrievalSAMLib.segmentation.sam2.engine import IMAGE_MEAN, IMAGE_STD
from training.loop import RUN_FILE, SHIPPED
from training.pool import pool_sets
from training.templates import TRAINING_SETS
from training.train_encoder import ARCHITECTURE


def _history(states: list[Path]) -> list[dict[str, object]]:
    """Of every run: seed, steps, peak rate, commit, hours, and the last row of its learning curve."""
    runs = []
    for state in states:
        rows = [json.loads(line) for line in (state / "log.jsonl").read_text().splitlines()]
        told = json.loads((state / RUN_FILE).read_text())
        runs.append(told | {"hours": round(rows[-1]["seconds"] / 3600, 2), "last": rows[-1]})
    return runs


def _from_random(state: Path) -> bool:
    """Whether a run did not go on from the shipped weights."""
    return bool(json.loads((state / RUN_FILE).read_text())["initial"] != SHIPPED)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--segmenter", type=Path, nargs="+", required=True, help="state folders of train_segmenter")
    parser.add_argument(
        "--encoder", type=Path, nargs="+", help="state folders of train_encoder; else the shipped one stays"
    )
    parser.add_argument("--name", required=True, help="which training run this is")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real annotated sets")
    arguments = parser.parse_args()
    segmenter = build_segmenter("bundled", checkpoint=arguments.segmenter[-1] / "segmenter.pt").model
    shipped = json.loads((BUNDLED_FOLDER / MANIFEST_NAME).read_text(encoding="utf-8"))
    sha256, encoder_history = shipped["sha256"]["encoder.pt"], shipped["training"]["encoder"]
    if arguments.encoder:
        encoder = timm.models.VisionTransformer(**ARCHITECTURE)
        load_into(encoder, read_state_dict(arguments.encoder[-1] / "encoder.pt"), "bundled")
        sha256 = write_state_dict(encoder, BUNDLED_FOLDER / "encoder.pt", half_precision=True)
        encoder_history = _history(arguments.encoder)
    began = [] if _from_random(arguments.segmenter[0]) else shipped["training"]["segmenter"]
    manifest = {
        "name": arguments.name,
        "sha256": {
            "segmenter.pt": write_state_dict(segmenter, BUNDLED_FOLDER / "segmenter.pt", half_precision=True),
            "encoder.pt": sha256,
        },
        "encoder": {"arguments": ARCHITECTURE, "mean": IMAGE_MEAN, "std": IMAGE_STD},
        "training": {
            "data": ["synthetic anatomies", *TRAINING_SETS, *pool_sets(arguments.data)],
            "segmenter": [*began, *_history(arguments.segmenter)],
            "encoder": encoder_history,
        },
    }
    (BUNDLED_FOLDER / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
