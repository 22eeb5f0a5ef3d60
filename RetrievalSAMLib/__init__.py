"""RetrievalSAM: few-shot, training-free segmentation of medical volumes from a support library."""

from __future__ import annotations

__version__ = "0.1.0"

NOTICE = "For research use only; not a medical device."
