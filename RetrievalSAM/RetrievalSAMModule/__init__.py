"""The panel of RetrievalSAM in 3D Slicer. It shows and asks; whatever computes is done by the worker process."""
