"""Few-shot segmentation by a library of annotated cases: `pipeline` is the entry, the sub-packages are its steps."""
