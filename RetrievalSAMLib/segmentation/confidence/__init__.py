"""How good a mask may be expected to be, and what that is worked out from."""
