"""How a person's spreadsheet is read."""
