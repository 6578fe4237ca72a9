"""reports/explorer.html: the trained networks in one page that runs them in the browser."""
