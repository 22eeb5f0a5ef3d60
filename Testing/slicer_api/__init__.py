"""The interfaces of Slicer, CTK, MRML and Qt that the module uses, held against what each version of Slicer has."""
