"""The server as others see it: routes, limits, and a log of who asked for what."""
