"""The `flask` commands, a group of them each module: all ask the API of their own process."""
