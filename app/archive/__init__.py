"""What capture and playback share: where segments lie, how they get in, how they are found."""
