"""One computer that segments for many: the worker's runs over HTTPS (docs/serve.md), and the client of that."""
