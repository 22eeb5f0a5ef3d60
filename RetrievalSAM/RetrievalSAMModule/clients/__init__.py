"""The worker, the library and the server as the module speaks to them."""
