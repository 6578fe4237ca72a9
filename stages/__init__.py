"""One module per DVC stage: params in, one facepipe call, metrics out."""
