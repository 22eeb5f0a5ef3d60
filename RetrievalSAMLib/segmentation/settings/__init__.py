"""What a run is told: presets, options and their defaults, networks, region, space for caches."""
