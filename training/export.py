"""Put trained weights into the package: half precision, with a manifest that says how they came about.

    python -m training.export --segmenter DIR --encoder DIR --commit HASH
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch

from RetrievalSAMLib.segmentation.sam2_engine import IMAGE_MEAN, IMAGE_STD
from training.train_encoder import ARCHITECTURE

BUNDLED = Path(__file__).parent.parent / "RetrievalSAMLib" / "models" / "bundled"


def _half(source: Path, target: Path) -> str:
    """Write a checkpoint in half precision; returns its SHA-256."""
    state = torch.load(source, weights_only=True)["model"]
    torch.save({"model": {k: v.half() if v.is_floating_point() else v for k, v in state.items()}}, target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _history(state: Path) -> dict[str, object]:
    rows = [json.loads(line) for line in (state / "log.jsonl").read_text().splitlines()]
    return {"steps": rows[-1]["step"], "hours": round(rows[-1]["seconds"] / 3600, 2), "last": rows[-1]}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--segmenter", type=Path, required=True, help="state folder of training.train_segmenter")
    parser.add_argument("--encoder", type=Path, required=True, help="state folder of training.train_encoder")
    parser.add_argument("--commit", required=True, help="the commit whose training code made the weights")
    parser.add_argument("--name", default="bundled-1")
    arguments = parser.parse_args()
    manifest = {
        "name": arguments.name,
        "sha256": {
            "segmenter.pt": _half(arguments.segmenter / "segmenter.pt", BUNDLED / "segmenter.pt"),
            "encoder.pt": _half(arguments.encoder / "encoder.pt", BUNDLED / "encoder.pt"),
        },
        "encoder": {"arguments": ARCHITECTURE, "mean": IMAGE_MEAN, "std": IMAGE_STD},
        "training": {
            "commit": arguments.commit,
            "data": "synthetic anatomies; fetal_brain_sba, sts_ct, sts_mr_t1, sts_pet as templates",
            "segmenter": {"seed": 0, **_history(arguments.segmenter)},
            "encoder": {"seed": 1, **_history(arguments.encoder)},
        },
    }
    (BUNDLED / "bundled.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
