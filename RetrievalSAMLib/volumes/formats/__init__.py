"""One file format each: headers held against their data, and voxels with their grid in and out."""
