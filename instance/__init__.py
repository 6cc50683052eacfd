"""The configuration classes and, beside them, the state of the embedded default."""
