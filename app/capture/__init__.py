"""The recorder: from a camera to segments on disk."""
