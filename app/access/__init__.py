"""Who asks, and what he may do: callers, the table of rules, and the checks before each view."""
