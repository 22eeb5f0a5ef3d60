"""The demonstration: a made-up cohort or MSD Task04, segmented from a few supports, with a contact sheet."""
