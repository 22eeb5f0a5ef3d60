"""How long a segmentation takes, where the time goes, and what other ways of doing it take on the same computer."""
