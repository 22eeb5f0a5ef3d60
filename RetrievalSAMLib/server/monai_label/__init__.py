"""MONAI Label's protocol, so that its plug-ins (3D Slicer, OHIF) use the libraries as models (docs/monai-label.md)."""
