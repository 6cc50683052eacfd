"""Tests of the whole, and the cameras and servers that they run against."""
