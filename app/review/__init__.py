"""Review: results of analysers, comments, recommendations, the list of violations, reports."""
