"""Playback: footage of any span as MP4 and HLS; request data, timeline, delivery of bytes."""
