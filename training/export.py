"""Put trained weights into the package: half precision, with a manifest that says how they came about.

python -m training.export --segmenter DIR --encoder DIR --commit HASH
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import timm

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.models.catalogue import BUNDLED_FOLDER, MANIFEST_NAME
from RetrievalSAMLib.models.checkpoint import load_into, read_state_dict, write_state_dict
from RetrievalSAMLib.segmentation.sam2_engine import IMAGE_MEAN, IMAGE_STD
from training.templates import TRAINING_SETS
from training.train_encoder import ARCHITECTURE


def _history(state: Path) -> dict[str, object]:
    rows = [json.loads(line) for line in (state / "log.jsonl").read_text().splitlines()]
    return {"steps": rows[-1]["step"], "hours": round(rows[-1]["seconds"] / 3600, 2), "last": rows[-1]}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--segmenter", type=Path, required=True, help="state folder of training.train_segmenter")
    parser.add_argument("--encoder", type=Path, required=True, help="state folder of training.train_encoder")
    parser.add_argument("--commit", required=True, help="the commit whose training code made the weights")
    parser.add_argument("--name", required=True, help="which training run this is")
    arguments = parser.parse_args()
    segmenter = build_segmenter("bundled", checkpoint=arguments.segmenter / "segmenter.pt").model
    encoder = timm.models.VisionTransformer(**ARCHITECTURE)
    load_into(encoder, read_state_dict(arguments.encoder / "encoder.pt"), "bundled")
    manifest = {
        "name": arguments.name,
        "sha256": {
            "segmenter.pt": write_state_dict(segmenter, BUNDLED_FOLDER / "segmenter.pt", half_precision=True),
            "encoder.pt": write_state_dict(encoder, BUNDLED_FOLDER / "encoder.pt", half_precision=True),
        },
        "encoder": {"arguments": ARCHITECTURE, "mean": IMAGE_MEAN, "std": IMAGE_STD},
        "training": {
            "commit": arguments.commit,
            "data": ["synthetic anatomies", *TRAINING_SETS],
            "segmenter": {"seed": 0, **_history(arguments.segmenter)},
            "encoder": {"seed": 1, **_history(arguments.encoder)},
        },
    }
    (BUNDLED_FOLDER / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
