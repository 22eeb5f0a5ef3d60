"""The windows beside the panel: review, several volumes, what to annotate next, import."""
