"""reports/index.html."""
