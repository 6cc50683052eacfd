"""Formats: bytes in, bytes out; no Flask, no database."""
