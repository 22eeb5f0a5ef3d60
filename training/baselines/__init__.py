"""What else a person could do with the same few annotated cases. Every figure of ours stands beside these.

- `copying`: paste a support's mask, unchanged;
- `registration`: register every support to the target and let the carried labels vote;
- `unet`: train a small network from nothing on the supports.
"""
