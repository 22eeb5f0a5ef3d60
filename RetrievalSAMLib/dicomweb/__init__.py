"""Series from a DICOMweb server, and results back to it, by dicomweb-client (docs/batch.md)."""
