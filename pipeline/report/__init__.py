"""The report stage: web page, model card, plots and summary of the results."""
