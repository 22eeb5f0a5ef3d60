"""Points and boxes that a person sets, and what the decoder makes of them."""
