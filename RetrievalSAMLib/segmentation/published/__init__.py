"""FATE-SAM as its published code behaves."""
