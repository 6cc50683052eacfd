"""What is made of a handed file: results of analysers, comments, recommendations, reports."""
